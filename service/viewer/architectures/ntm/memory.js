// @ts-check
// The memory at the cursor: as the reads see it, what the step's write heads erase and add, what is
// left; and where the content of a read came from.

import { Refusal, askJson, query } from "../../parts/api.js";
import { fill, make, percent } from "../../parts/element.js";
import { MemoryMap } from "../../parts/memory-map.js";
import { rangeOf } from "../../pages/watch/overview.js";

/** @typedef {import("../../parts/run.js").Run} Run */

const PATIENCE = 200; // ms that the cursor rests before its provenance is asked for

/**
 * What the write heads do to a memory (Eq. 3, 4) in single precision, erase before add.
 *
 * @param {Run} run
 * @param {number} step
 * @param {Float32Array} memory [N * M]
 * @returns {{erased: Float32Array, added: Float32Array, after: Float32Array}} [N * M] each
 */
export function written(run, step, memory) {
  const width = run.width;
  const heads = run.heads.filter((head) => head.startsWith("write"));
  const weightings = heads.map((head) => run.weighting(head).row(step));
  const row = (/** @type {string} */ name, /** @type {number} */ head) => run.planeOf(`writes.${name}`, head).row(step);
  const after = Float32Array.from(memory);
  const added = new Float32Array(memory.length);
  heads.forEach((_, head) => {
    const erase = row("erase", head);
    for (let i = 0; i < after.length; i++)
      after[i] *= Math.fround(1 - Math.fround(weightings[head][Math.floor(i / width)] * erase[i % width]));
  });
  const erased = after.map((value, i) => value - memory[i]);
  heads.forEach((_, head) => {
    const add = row("add", head);
    for (let i = 0; i < added.length; i++)
      added[i] += Math.fround(weightings[head][Math.floor(i / width)] * add[i % width]);
  });
  for (let i = 0; i < after.length; i++) after[i] += added[i];
  return { erased, added, after };
}

/** Tells `cell` events: {slot, column, value, row} that somebody wants to change. */
export class Memory extends HTMLElement {
  /**
   * @param {import("../../parts/place.js").Place} place
   * @param {import("../../parts/palette.js").Palette} palette
   */
  constructor(place, palette) {
    super();
    this.place = place;
    this.palette = palette;
    /** @type {Run | null} */
    this.run = null;
    this.frame = 0;
    this.maps = {
      memory: new MemoryMap("Memory that the reads see"),
      erased: new MemoryMap("Erased by this step"),
      added: new MemoryMap("Added by this step"),
    };
    this.note = make("p", { class: "note" });
    this.origin = make("div", { class: "origin" });
    this.append(make("div", { class: "memory-maps" }, ...Object.values(this.maps)), this.note, this.origin);
    this.maps.memory.addEventListener("edit", (event) => {
      const { slot, column } = /** @type {CustomEvent} */ (event).detail;
      const { run, step } = this;
      const page = run?.page(step);
      if (!run || !page) return;
      const row = [...page.memory(step).subarray(slot * run.width, (slot + 1) * run.width)];
      this.dispatchEvent(new CustomEvent("cell", { detail: { slot, column, row, step } }));
    });
    new ResizeObserver(() => this.wants()).observe(this);
    palette.addEventListener("change", () => this.wants());
  }

  /**
   * Whether a model writes as this draws it: erase before add, after its reads.
   *
   * @param {import("../../parts/stages.js").Signature} signature
   */
  static explains({ reads_see, written }) {
    return reads_see === "before" && written !== null;
  }

  /** @param {Run | null} run */
  setRun(run) {
    this.run = run;
    this.asked = "";
    fill(this.origin);
    this.wants();
  }

  get step() {
    return Math.min(this.place.spot.step, (this.run?.steps ?? 1) - 1);
  }

  wants() {
    if (!this.frame)
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.paint();
      });
  }

  paint() {
    const { run, step } = this;
    if (!run || !this.clientWidth) return;
    this.wantProvenance();
    const page = run.page(step);
    this.toggleAttribute("data-loading", !page);
    if (!page) {
      run.fetchPage(step).then(
        () => run === this.run && this.wants(),
        (error) => (this.note.textContent = `The memory could not be fetched: ${error.message}`),
      );
      return;
    }
    const memory = page.memory(step);
    this.followFocus(run, step);
    const { erased, added } = written(run, step, memory);
    const shown = this.place.spot.slots === "all" ? { first: 0, count: run.slots } : run.used;
    const high = [memory, added].reduce((most, values) => values.reduce((a, b) => Math.max(a, Math.abs(b)), most), 1e-6);
    for (const [name, values] of Object.entries({ memory, erased, added }))
      this.maps[/** @type {"memory"} */ (name)].show(values, run.width, shown, high, this.palette.look);
    this.note.textContent =
      `Slots ${rangeOf(shown, run.slots)} up, ${run.width} columns across; colours from −${high.toPrecision(2)} to ` +
      `${high.toPrecision(2)}. Double click or Enter on a cell of the memory changes it.`;
  }

  followed = "";

  /**
   * The cell that is told lies on the slot that the chosen head looks at, until one moves away.
   *
   * @param {Run} run
   * @param {number} step
   */
  followFocus(run, step) {
    const head = run.heads.find((each) => each === this.place.spot.head) ?? "read.0";
    const now = `${run.trace} ${step} ${head}`;
    if (now === this.followed || !run.heads.includes(head)) return;
    this.followed = now;
    const slot = run.weighting(head).peak(step);
    for (const map of Object.values(this.maps)) map.cell = { ...map.cell, slot };
  }

  asked = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  /** Asks where the content of the read came from, once the cursor rests. */
  wantProvenance() {
    const { run, step } = this;
    if (!run) return;
    const chosen = this.place.spot.head ?? "";
    const head = chosen.startsWith("read") ? chosen : "read.0";
    const asked = `${run.trace} ${step} ${head}`;
    if (asked === this.asked || !run.heads.includes(head)) return;
    this.asked = asked;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetchProvenance(run, step, head, asked), PATIENCE);
  }

  /**
   * @param {Run} run
   * @param {number} step
   * @param {string} head
   * @param {string} asked
   */
  async fetchProvenance(run, step, head, asked) {
    if (run !== this.run || !this.clientWidth) {
      this.asked = ""; // nobody looks; once somebody does, it is asked again
      return;
    }
    try {
      const told = await askJson(`trace/${run.trace}/provenance?${query({ step, head, limit: 6 })}`);
      if (asked === this.asked) this.showProvenance(told);
    } catch (error) {
      if (asked !== this.asked || !(error instanceof Refusal)) return;
      fill(this.origin, make("p", { class: "note" }, `Where ${head} came from is not known: ${error.message}`));
    }
  }

  /** @param {any} told */
  showProvenance(told) {
    const largest = Math.max(...told.parts.map((/** @type {any} */ part) => Math.abs(part.share)), 1e-9);
    const items = told.parts.map((/** @type {any} */ part) => {
      const bar = make("span", { class: part.share < 0 ? "bar against" : "bar" });
      bar.style.width = `${(100 * Math.abs(part.share)) / largest}%`;
      const to = () => this.place.go({ step: part.step, head: part.head ?? this.place.spot.head });
      const name =
        part.kind === "write"
          ? make("button", { type: "button", class: "link", on: { click: to } }, `step ${part.step}, ${part.head}, slot ${part.slot}`)
          : make("span", {}, part.kind === "initial" ? "the first memory" : `memory set at step ${part.step}`);
      return make("li", {}, name, make("span", { class: "bar-place" }, bar), make("span", { class: "number" }, percent(part.share)));
    });
    const rest = told.rest.count
      ? `${told.rest.count} more sources: ${percent(told.rest.share)} together.`
      : "Nothing else gave to it.";
    fill(
      this.origin,
      make("h3", {}, `Where ${told.head} at step ${told.step} got its content`),
      make("ol", { class: "sources" }, ...items),
      make("p", { class: "note" }, `${rest} Shares are exact and sum to 100 %; a negative one points away.`),
    );
  }
}

customElements.define("ntm-memory", Memory);
