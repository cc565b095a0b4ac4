// @ts-check
// A session: a stream fed step by step, watched as it goes.

import { ask, askJson, query, send } from "../parts/api.js";
import { BitsEditor } from "../parts/bits-editor.js";
import { fill, make } from "../parts/element.js";
import { HeatTrack } from "../parts/heat-track.js";
import { slotsNote } from "./watch/overview.js";
import { Place } from "../parts/place.js";
import { Plane, slotsInUse } from "../parts/plane.js";
import { sequenceTrack } from "../parts/sequence-track.js";
import { isPrediction } from "../parts/tasks.js";
import { TrackStack } from "../parts/track-stack.js";

const PACE = 200; // ms from one step of an example to the next

export class Live extends HTMLElement {
  /**
   * @param {import("../parts/place.js").Place} place
   * @param {import("../parts/palette.js").Palette} palette
   */
  constructor(place, palette) {
    super();
    this.place = place;
    this.palette = palette;
    this.here = new Place(false); // a cursor of its own
    /** @type {any} */
    this.session = null;
    /** @type {Record<string, number[][]>} rows by track */
    this.rows = {};
    /** @type {number[][]} steps of an example that are still to be fed */
    this.waiting = [];
    this.feeding = false;
    /** @type {TrackStack | null} */
    this.stack = null;
    const button = (/** @type {string} */ text, /** @type {() => unknown} */ click, kind = "") =>
      make("button", { type: "button", class: kind, on: { click: () => this.attempt(click) } }, text);
    this.model = make("select", { id: "live-model" });
    this.slots = make("input", { id: "live-slots", type: "number", min: "1", class: "small", placeholder: "auto" });
    this.editor = new BitsEditor();
    this.said = make("p", { class: "said", role: "status" }, "No session yet. Choose a model and start one: its memory then stays between steps, until you end it.");
    this.error = make("p", { class: "error", role: "alert", hidden: true });
    this.flow = button("Feed an example, step by step", () => this.toggleFlow(), "primary");
    this.controls = make(
      "div",
      { hidden: true },
      make("div", { class: "line" }, this.flow, button("Feed the drawn steps", () => this.feedDrawn()), button("Open its trace", () => this.open()), button("End the session", () => this.finish())),
      make("details", {}, make("summary", {}, "Draw the next steps"), this.editor),
    );
    this.plot = make("div", {});
    this.append(
      make("div", { class: "line" }, make("label", { for: "live-model" }, "Model"), this.model, make("label", { for: "live-slots" }, "memory slots"), this.slots, button("Start a session", () => this.start(), "primary")),
      this.error,
      this.said,
      this.controls,
      this.plot,
    );
  }

  /** @param {() => unknown} doing */
  async attempt(doing) {
    this.error.hidden = true;
    try {
      await doing();
    } catch (error) {
      this.stopFlow();
      this.error.hidden = false;
      this.error.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** @param {any[]} models */
  setModels(models) {
    this.models = models;
    fill(this.model, ...models.map((model) => make("option", { value: model.name }, model.name)));
    if (models.some((model) => model.name === "copy")) this.model.value = "copy";
  }

  /** @type {any[]} */
  models = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  async start() {
    this.stopFlow();
    /** @type {Record<string, any>} */
    const asked = { model: this.model.value };
    if (this.slots.value) asked.memory_slots = Number(this.slots.value);
    this.session = await send("sessions", asked);
    this.facts = this.models.find((model) => model.name === this.session.model);
    this.rows = {};
    this.waiting = []; // they were for another model
    this.stopFlow();
    this.stack?.end();
    this.stack = null;
    this.controls.hidden = false;
    this.editor.set(Array.from({ length: 4 }, () => new Array(this.facts.input_size).fill(0)));
    this.tell();
  }

  /** @type {any} */
  facts = null;

  tell() {
    const { session } = this;
    this.said.textContent = `Session ${session.session_id}: ${session.model}/${session.version}, ${session.memory_slots} slots, ${session.position} steps so far.${session.warning ? ` ${session.warning}` : ""}`;
  }

  /** @param {number[][]} sequence */
  async feed(sequence) {
    const { session } = this;
    const told = await send(`sessions/${session.session_id}/steps`, {
      sequence,
      position: session.position,
      include: ["read_weightings", "write_weightings"],
    });
    session.position = told.next_position;
    const add = (/** @type {string} */ name, /** @type {number[][]} */ rows) => (this.rows[name] ??= []).push(...rows);
    add("input", sequence);
    add("output", told.outputs);
    for (const kind of ["write", "read"])
      for (let head = 0; head < this.facts.heads[kind]; head++)
        add(`${kind}.${head} weighting`, told[`${kind}_weightings`].map((/** @type {number[][]} */ step) => step[head]));
    this.tell();
    this.draw();
  }

  async feedDrawn() {
    await this.feed(this.editor.sequence.map((row) => [...row]));
  }

  async toggleFlow() {
    if (this.timer) return this.stopFlow();
    if (!this.waiting.length) {
      const asked = query({ seed: 1 + this.session.position, version: this.session.version });
      this.waiting = (await askJson(`models/${this.session.model}/example?${asked}`)).sequence;
    }
    this.flow.textContent = "Pause";
    const next = async () => {
      const [step] = this.waiting;
      if (!step) return this.stopFlow();
      if (!this.feeding) {
        this.feeding = true; // a step paused while it was under way is not fed a second time
        await this.attempt(async () => {
          await this.feed([step]);
          if (this.waiting[0] === step) this.waiting.shift(); // not before: it may have to be fed again
        });
        this.feeding = false;
      }
      if (this.timer === mine) this.timer = mine = setTimeout(next, PACE);
    };
    let mine = setTimeout(next, 0);
    this.timer = mine;
  }

  stopFlow() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flow.textContent = this.waiting.length ? "Go on with the example" : "Feed an example, step by step";
  }

  open() {
    this.stopFlow();
    if (!this.session.position) throw new Error("Feed it a step first: an empty session has no trace.");
    this.place.go({ view: "watch", trace: this.session.session_id, other: null, step: 0, range: null });
  }

  async finish() {
    this.stopFlow();
    await ask(`sessions/${this.session.session_id}`, { method: "DELETE" });
    this.waiting = [];
    this.stack?.end();
    this.stack = null;
    this.controls.hidden = true;
    this.said.textContent = "The session has ended; its memory is forgotten.";
  }

  draw() {
    this.stack?.end();
    const steps = this.rows.input.length;
    const planes = Object.entries(this.rows).map(([name, rows]) => ({
      name,
      isSlots: name.endsWith("weighting"),
      plane: new Plane(Float32Array.from(rows.flat()), steps, rows[0].length),
    }));
    const shown = slotsInUse(planes.filter((each) => each.isSlots).map((each) => each.plane), [0, steps]);
    const tracks = planes.map(({ name, isSlots, plane }) => {
      if (!isSlots) {
        const noun = name === "output" ? (isPrediction(this.facts.task) ? "probability" : "bit") : null;
        return sequenceTrack({ id: name, name, steps, plane, noun });
      }
      return new HeatTrack(
        { id: name, name, note: slotsNote(shown, plane.rows), steps, height: 110 },
        { plane, rowName: "slot", scale: { signed: false, high: 1 }, map: "values", pool: "largest", peaks: true, shown },
      );
    });
    this.here.take({ ...this.here.spot, step: steps - 1, range: [Math.max(0, steps - 60), Math.max(steps, 60)] });
    this.stack = new TrackStack(tracks, { steps, phases: [] }, this.here, this.palette);
    this.plot.append(this.stack);
  }
}

customElements.define("ntm-live", Live);
