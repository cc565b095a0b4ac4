// @ts-check
// One head at one step, stage by stage on one slot axis, with a control for each number that the
// controller gave. To drag a control is to ask what if.

import { cosines, peakOf, shiftFor, stagesOf } from "./addressing.js";
import { fill, make, told } from "../../parts/element.js";
import { expected, slotsNote } from "../../pages/watch/overview.js";
import { headOf } from "../../parts/run.js";
import { ofContent, ofGate, ofSharpening, ofShift, ofSimilarity, ofStep } from "./sentences.js";
import { SlotPlot } from "../../parts/slot-plot.js";
import { STAGES, SYMBOLS } from "./stages.js";

/** @typedef {import("../../parts/run.js").Run} Run */
/** @typedef {import("./addressing.js").Controls} Controls */
/** @typedef {import("./stages.js").Control} Control */
/** @typedef {import("./stages.js").StageFacts} StageFacts */
/** @typedef {import("./sentences.js").HeadStep} HeadStep */

const NEEDED = ["key", "key_strength", "content_weighting", "gate", "gated_weighting", "shift", "shifted_weighting", "sharpening"];

/** Tells `pin` events: {control, value} as an intervention's `set` takes it. */
export class Microscope extends HTMLElement {
  /**
   * @param {import("../../parts/place.js").Place} place
   * @param {import("../../parts/palette.js").Palette} palette
   * @param {import("../../parts/changes.js").Changes} changes
   */
  constructor(place, palette, changes) {
    super();
    this.place = place;
    this.palette = palette;
    this.changes = changes;
    /** @type {Run | null} */
    this.run = null;
    this.at = 0;
    this.frame = 0;
    this.said = make("p", { class: "said" });
    this.then = make("p", { class: "said then", hidden: true });
    this.heads = make("div", { class: "choices", role: "group", "aria-label": "head" });
    this.rows = STAGES.map((stage) => this.rowOf(stage));
    this.axis = make("p", { class: "note axis" });
    this.append(this.heads, this.said, this.then, ...this.rows.map((row) => row.element), this.axis);
    this.addEventListener("slot", (event) => {
      this.at = /** @type {CustomEvent} */ (event).detail;
      this.wants();
    });
    const observer = new ResizeObserver(() => this.wants());
    observer.observe(this);
    palette.addEventListener("change", () => this.wants());
    changes.addEventListener("change", () => this.wants());
  }

  /** @param {StageFacts} stage */
  rowOf(stage) {
    const plot = new SlotPlot(stage.name.slice(3));
    const sentence = make("p", { class: "sentence" });
    const changed = make("p", { class: "sentence then" });
    const value = make("span", { class: "value" });
    const formula = make("p", { class: "formula" });
    formula.append(
      ...stage.formula.map((part) => (typeof part === "string" ? part : make(/** @type {any} */ (part[0]), {}, part[1]))),
    );
    const control = stage.control && this.controlOf(stage.control);
    const element = make(
      "section",
      { class: "stage" },
      make("div", { class: "stage-text" }, make("h3", {}, stage.name), formula, control?.element, sentence, changed),
      make("div", { class: "stage-plot" }, plot, value),
    );
    element.dataset.stage = stage.id;
    return { stage, plot, sentence, changed, value, control, element };
  }

  /** @param {Control} control */
  controlOf(control) {
    const number = make("output", { class: "number" });
    const input = make("input", { type: "range", "aria-label": `${SYMBOLS[control]}, drag to ask what if` });
    const element = make("label", { class: "control" }, make("i", {}, SYMBOLS[control]), input, number);
    input.addEventListener("input", () => {
      const told = Number(input.value);
      const value = control === "shift" && this.run ? shiftFor(told, this.run.shifts) : told;
      this.dispatchEvent(new CustomEvent("pin", { detail: { control, value } }));
    });
    return { control, element, input, number };
  }

  /**
   * Whether a model has the stages that this explains.
   *
   * @param {import("../../parts/stages.js").Signature} signature
   */
  static explains({ stages }) {
    const names = new Set(stages.map((stage) => stage.name));
    return NEEDED.every((name) => names.has(name));
  }

  /** @param {Run | null} run */
  setRun(run) {
    this.run = run;
    if (!run) return;
    fill(
      this.heads,
      ...run.heads.map((head) =>
        make("button", { type: "button", "data-head": head, on: { click: () => this.place.go({ head }) } }, head),
      ),
    );
    for (const { control } of this.rows) {
      if (!control) continue;
      const { input } = control;
      const reach = Math.max(...run.shifts.map(Math.abs));
      const top = (/** @type {any} */ name) =>
        Math.ceil(1.25 * Math.max(...run.heads.map((head) => run.control(head, name).largest())));
      const [low, high] =
        control.control === "gate"
          ? [0, 1]
          : control.control === "shift"
            ? [-reach, reach]
            : control.control === "sharpening"
              ? [1, Math.max(10, top("sharpening"))]
              : [0, Math.max(20, top("key_strength"))];
      Object.assign(input, { min: String(low), max: String(high), step: "0.01" });
    }
    this.wants();
  }

  /** @returns {string} the head looked at */
  get head() {
    return /** @type {Run} */ (this.run).chosen(this.place.spot.head);
  }

  get step() {
    return Math.min(this.place.spot.step, /** @type {Run} */ (this.run).steps - 1);
  }

  wants() {
    if (!this.frame)
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.paint();
      });
  }

  paint() {
    const { run } = this;
    if (!run || !this.clientWidth) return;
    const { head, step } = this;
    for (const button of this.heads.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.head === head));
    const page = run.page(step);
    this.toggleAttribute("data-loading", !page);
    if (!page) {
      this.fetch(run, step);
      return;
    }
    const start = performance.now();
    const { kind, number } = headOf(head);
    const row = (/** @type {string} */ name) => page.row(`addressing.${kind}.${name}`, step, number);
    const controls = {
      key: row("key"),
      strength: row("key_strength")[0],
      gate: row("gate")[0],
      shift: row("shift"),
      sharpening: row("sharpening")[0],
    };
    const similarity = cosines(page.memory(step), controls.key);
    const stages = {
      content: row("content_weighting"),
      gated: row("gated_weighting"),
      shifted: row("shifted_weighting"),
      weighting: run.weighting(head).row(step),
    };
    const previous = previousOf(run, head, step);
    const pinned = this.changes.pinsAt(head, step);
    const preview = Object.keys(pinned).length
      ? stagesOf(similarity, previous, changed(controls, pinned), run.shifts)
      : null;
    const at = { head, step, stages, previous, controls, shifts: run.shifts, isSet: run.isSet(head, step, "weighting") };
    const then = preview && { ...at, stages: preview, controls: changed(controls, pinned), isSet: false };
    this.paintSaid(at, then);
    this.paintStages({ similarity, ...stages }, preview, previous, controls, pinned);
    this.paintSentences(sentencesOf(similarity, at), then && sentencesOf(similarity, then));
    performance.measure("ntm-microscope", { start, end: performance.now() });
  }

  /**
   * @param {Record<string, ArrayLike<number>>} stages
   * @param {Record<string, any> | null} preview
   * @param {ArrayLike<number>} previous
   * @param {Controls} controls
   * @param {Record<string, any>} pinned
   */
  paintStages(stages, preview, previous, controls, pinned) {
    const run = /** @type {Run} */ (this.run);
    const shown = this.place.spot.slots === "all" ? { first: 0, count: run.slots } : run.used;
    const numbers = /** @type {Record<Control, number>} */ ({
      key_strength: controls.strength,
      gate: controls.gate,
      shift: expected(controls.shift, run.shifts),
      sharpening: controls.sharpening,
    });
    for (const { stage, plot, value, control } of this.rows) {
      const values = stages[stage.id];
      const outline = preview?.[stage.id] ?? (stage.id === "gated" && !preview ? previous : null);
      plot.show({ values, outline, signed: stage.id === "similarity", shown, slot: this.at }, this.palette.look);
      const also = outline ? ` · ${preview ? "then" : "before"} ${told(outline[this.at])}` : "";
      value.textContent = `slot ${this.at}: ${told(values[this.at])}${also}`;
      if (!control) continue;
      const pin = pinned[control.control];
      const number = pin === undefined ? numbers[control.control] : Array.isArray(pin) ? expected(pin, run.shifts) : pin;
      if (document.activeElement !== control.input || pin === undefined) control.input.value = String(number);
      control.element.classList.toggle("pinned", pin !== undefined);
      control.number.textContent =
        pin === undefined ? told(number) : `${told(number)}, was ${told(numbers[control.control])}`;
    }
    const line = preview ? "the outline is what your change would do at this step" : "the outline at the gate is the last weighting";
    this.axis.textContent = `Across: ${slotsNote(shown, run.slots)}. Up: share of the head’s attention; ${line}.`;
  }

  /**
   * What happened at the step, and what a change that is not run yet would do there at once.
   *
   * @param {HeadStep} at
   * @param {HeadStep | null} then
   */
  paintSaid(at, then) {
    const reach = this.changes.reachOtherwise(at.step);
    const ran = then ? "As it ran: " : reach ? "As it ran, without your changes: " : "";
    this.said.textContent = ran + ofStep(at);
    this.then.hidden = !then;
    if (!then) return;
    const rest = reach ? " Your other changes reach this step as well: run again to see all of them together." : "";
    this.then.textContent = `With your change, all before it as it ran: ${ofStep(then)}${rest}`;
  }

  /**
   * @param {Record<string, string>} ran by stage
   * @param {Record<string, string> | null} then
   */
  paintSentences(ran, then) {
    for (const { stage, sentence, changed: also } of this.rows) {
      const isOther = then !== null && then[stage.id] !== ran[stage.id];
      sentence.textContent = `${isOther ? "As it ran: " : ""}${ran[stage.id]}`;
      also.textContent = isOther ? `With your change: ${then[stage.id]}` : "";
    }
  }

  /**
   * @param {Run} run
   * @param {number} step
   */
  async fetch(run, step) {
    try {
      await run.fetchPage(step);
      if (run === this.run) this.wants();
    } catch (error) {
      this.said.textContent = `The stages could not be fetched: ${/** @type {Error} */ (error).message}`;
    }
  }

  /** The peak of the weighting becomes the slot under the cursor. */
  followFocus() {
    if (!this.run) return;
    this.at = peakOf(this.run.weighting(this.head).row(this.step));
    this.wants();
  }
}

/**
 * A head's weighting before a step: at first all of it on slot 0; uniform after an ablation, which
 * leaves none.
 *
 * @param {Run} run
 * @param {string} head
 * @param {number} step
 * @returns {ArrayLike<number>}
 */
export function previousOf(run, head, step) {
  const last = step > 0 ? run.weighting(head).row(step - 1) : null;
  if (last?.some((share) => share !== 0)) return last;
  const first = new Float32Array(run.slots).fill(last ? 1 / run.slots : 0);
  if (last) return first;
  first[0] = 1;
  return first;
}

/**
 * @param {ArrayLike<number>} similarity
 * @param {HeadStep} at
 * @returns {Record<string, string>} by stage
 */
function sentencesOf(similarity, { stages, controls, shifts, isSet }) {
  return {
    similarity: ofSimilarity(similarity),
    content: ofContent(stages.content, controls.strength),
    gated: ofGate(controls.gate),
    shifted: ofShift(controls.shift, shifts),
    weighting: ofSharpening(stages, controls.sharpening, isSet),
  };
}

/**
 * @param {Controls} controls
 * @param {Record<string, any>} pinned
 * @returns {Controls}
 */
function changed(controls, pinned) {
  return {
    key: controls.key,
    strength: pinned.key_strength ?? controls.strength,
    gate: pinned.gate ?? controls.gate,
    shift: pinned.shift ?? controls.shift,
    sharpening: pinned.sharpening ?? controls.sharpening,
  };
}

customElements.define("ntm-microscope", Microscope);
