// @ts-check
// One row of an overview: a name, a plot over time, the numbers under the cursor. What is drawn in
// the plot is for the kinds of tracks to say: heat-track.js, curve-track.js.

import { make } from "./element.js";

/** @typedef {import("./palette.js").Look} Look */

/**
 * @typedef {object} TrackFacts
 * @property {string} id
 * @property {string} name
 * @property {string} note what the rows are, with their unit
 * @property {number} steps
 * @property {number} height of the plot in CSS pixels
 */

/** Tells `point` (the cursor should go there), `hover` and `edit` events, with a Point. */
export class Track extends HTMLElement {
  /**
   * @param {TrackFacts} facts
   */
  constructor(facts) {
    super();
    this.facts = facts;
    this.step = 0;
    this.row = 0;
    /** @type {[number, number]} */
    this.range = [0, facts.steps];
    this.canvas = make("canvas", { class: "plot", "aria-hidden": "true" });
    this.canvas.style.height = `${facts.height}px`;
    this.value = make("span", { class: "value" });
    this.note = make("span", { class: "note" }, facts.note);
    this.handle = make(
      "div",
      {
        class: "handle",
        role: "slider",
        tabIndex: 0,
        "aria-label": `${facts.name}, ${facts.note}`,
        "aria-valuemin": 0,
        "aria-valuemax": facts.steps - 1,
        "aria-valuenow": 0,
        "aria-valuetext": "",
        "aria-orientation": "horizontal",
      },
      this.canvas,
    );
    this.append(
      make(
        "div",
        { class: "label" },
        make("span", { class: "name" }, facts.name),
        this.note,
      ),
      this.handle,
      this.value,
    );
    this.dataset.track = facts.id;
    this.handle.addEventListener("pointermove", (event) => this.onPointer(event));
    this.handle.addEventListener("pointerdown", (event) => this.onPointer(event));
    this.handle.addEventListener("pointerleave", () => this.tell("hover", null));
    this.handle.addEventListener("dblclick", (event) => this.tell("edit", this.pointAt(event)));
    this.handle.addEventListener("keydown", (event) => this.onKey(event));
    this.handle.addEventListener("focus", () => this.announce());
  }

  /** @returns {number} rows that one can be on; curves have none */
  get rows() {
    return 0;
  }

  /**
   * @param {number} step
   * @param {number} row
   * @returns {string} the exact value there, in words
   */
  describe(step, row) {
    return `${step}, ${row}`;
  }

  /**
   * @param {number} step
   * @returns {string} what to say of all rows at a step
   */
  summary(step) {
    return this.describe(step, this.row);
  }

  /**
   * @param {Look} look
   * @param {[number, number]} range steps shown
   */
  paint(look, range) {
    this.range = range;
  }

  /**
   * @param {number} _share of the height, from the bottom
   * @returns {number} the row there
   */
  rowAt(_share) {
    return 0;
  }

  /**
   * @param {string} type
   * @param {{step: number, row: number} | null} point
   */
  tell(type, point) {
    this.dispatchEvent(new CustomEvent(type, { detail: point, bubbles: true }));
  }

  /**
   * @param {MouseEvent} event
   * @returns {{step: number, row: number}}
   */
  pointAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [a, b] = this.range;
    const x = Math.min(0.999999, Math.max(0, (event.clientX - box.left) / box.width));
    const y = Math.min(0.999999, Math.max(0, (event.clientY - box.top) / box.height));
    return { step: Math.floor(a + x * (b - a)), row: this.rowAt(1 - y - 1e-6) };
  }

  /** @param {PointerEvent} event */
  onPointer(event) {
    const point = this.pointAt(event);
    if (event.type === "pointerdown") {
      if (event.button !== 0) return;
      // A finger scrolls; a mouse or a pen keeps the cursor while it is held down.
      if (event.pointerType !== "touch") this.handle.setPointerCapture(event.pointerId);
    }
    if (event.type === "pointerdown" || (event.buttons & 1 && event.pointerType !== "touch")) {
      this.row = point.row;
      this.tell("point", point);
    }
    if (event.pointerType !== "touch") this.tell("hover", point);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 10 : 1;
    const last = this.facts.steps - 1;
    let { step, row } = this;
    if (event.key === "ArrowLeft") step -= far;
    else if (event.key === "ArrowRight") step += far;
    else if (event.key === "ArrowUp") row += far;
    else if (event.key === "ArrowDown") row -= far;
    else if (event.key === "PageUp") step -= 10;
    else if (event.key === "PageDown") step += 10;
    else if (event.key === "Home") step = 0;
    else if (event.key === "End") step = last;
    else if (event.key === "Enter") return this.tell("edit", { step, row });
    else return;
    event.preventDefault();
    this.row = Math.max(0, Math.min(Math.max(0, this.rows - 1), row));
    this.step = Math.max(0, Math.min(last, step)); // at once: the next key may come before a frame
    this.tell("point", { step: this.step, row: this.row });
    this.announce();
  }

  /**
   * Shows the numbers at the cursor, or under the pointer.
   *
   * @param {number} step of the cursor
   * @param {{step: number, row: number} | null} hover
   */
  show(step, hover) {
    this.step = step;
    const text = hover
      ? this.describe(hover.step, hover.row)
      : document.activeElement === this.handle
        ? this.describe(step, this.row)
        : this.summary(step);
    if (this.value.textContent !== text) this.value.textContent = text;
    if (document.activeElement === this.handle) this.announce();
  }

  /** Says where the keyboard is and what is there. */
  announce() {
    this.handle.setAttribute("aria-valuenow", String(this.step));
    this.handle.setAttribute("aria-valuetext", `step ${this.step}, ${this.describe(this.step, this.row)}`);
  }
}
