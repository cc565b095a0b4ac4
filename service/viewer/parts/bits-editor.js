// @ts-check
// An input sequence to draw in: a button a bit, by mouse and by keyboard.

import { fill, make, told } from "./element.js";

const WINDOW = 48; // steps on the screen at once

/** Tells `change` events. */
export class BitsEditor extends HTMLElement {
  constructor() {
    super();
    /** @type {number[][]} */
    this.sequence = [];
    this.start = 0;
    this.at = { step: 0, bit: 0 };
    /** @type {number | null} what a drag paints */
    this.brush = null;
    this.grid = make("div", { class: "bits", role: "group", "aria-label": "input bits; arrows move, space flips" });
    this.where = make("span", { class: "note" });
    this.value = make("input", { type: "number", step: "any", class: "small" });
    const button = (/** @type {string} */ text, /** @type {() => void} */ click) =>
      make("button", { type: "button", on: { click } }, text);
    this.append(
      this.grid,
      make(
        "div",
        { class: "line" },
        button("◂ earlier", () => this.turn(-WINDOW)),
        button("later ▸", () => this.turn(WINDOW)),
        this.where,
        make("label", { class: "check" }, "value", this.value),
        button("Insert a step", () => this.insert()),
        button("Delete this step", () => this.delete()),
        button("Empty all", () => this.set(this.sequence.map((row) => row.map(() => 0)), true)),
      ),
    );
    this.value.addEventListener("change", () => this.put(this.at.step, this.at.bit, Number(this.value.value) || 0));
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
    this.grid.addEventListener("pointerdown", (event) => this.onPointer(event));
    this.grid.addEventListener("pointerover", (event) => this.onPointer(event));
    this.grid.addEventListener("click", (event) => {
      if (event.detail === 0) this.flip(event); // by keyboard; the pointer has done it already
    });
    window.addEventListener("pointerup", () => (this.brush = null));
  }

  /**
   * @param {number[][]} sequence
   * @param {boolean} [edited]
   */
  set(sequence, edited = false) {
    this.sequence = sequence;
    this.start = Math.max(0, Math.min(this.start, sequence.length - 1));
    this.at = { step: Math.min(this.at.step, sequence.length - 1), bit: 0 };
    this.draw();
    if (edited) this.dispatchEvent(new Event("change"));
  }

  draw() {
    const stop = Math.min(this.sequence.length, this.start + WINDOW);
    const bits = this.sequence[0]?.length ?? 0;
    const rows = [];
    for (let bit = bits - 1; bit >= 0; bit--) {
      const cells = [make("span", { class: "note" }, String(bit))];
      for (let step = this.start; step < stop; step++) {
        const cell = make("button", { type: "button", tabIndex: -1 });
        Object.assign(cell.dataset, { step, bit });
        this.paint(cell, step, bit);
        cells.push(cell);
      }
      rows.push(make("div", { class: "bits-row" }, ...cells));
    }
    fill(this.grid, ...rows);
    this.where.textContent = `steps ${this.start}–${stop - 1} of ${this.sequence.length}`;
    this.move(this.at.step, this.at.bit, false);
  }

  /**
   * @param {HTMLElement} cell
   * @param {number} step
   * @param {number} bit
   */
  paint(cell, step, bit) {
    const value = this.sequence[step][bit];
    cell.setAttribute("aria-pressed", String(value > 0.5));
    cell.setAttribute("aria-label", `step ${step}, bit ${bit}: ${told(value)}`);
    cell.classList.toggle("between", value !== 0 && value !== 1);
  }

  /**
   * @param {number} step
   * @param {number} bit
   * @returns {HTMLElement | null}
   */
  cell(step, bit) {
    return this.grid.querySelector(`[data-step="${step}"][data-bit="${bit}"]`);
  }

  /**
   * @param {number} step
   * @param {number} bit
   * @param {boolean} focus
   */
  move(step, bit, focus) {
    this.at = { step, bit };
    if (step < this.start || step >= this.start + WINDOW) {
      this.start = Math.floor(step / WINDOW) * WINDOW;
      this.draw();
    }
    for (const cell of this.grid.querySelectorAll('[tabindex="0"]')) /** @type {HTMLElement} */ (cell).tabIndex = -1;
    const cell = this.cell(step, bit);
    if (!cell) return;
    cell.tabIndex = 0;
    this.value.value = String(Number(this.sequence[step][bit].toPrecision(6)));
    if (focus) cell.focus();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    });
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [right, up] = moves[event.key];
    const step = Math.max(0, Math.min(this.sequence.length - 1, this.at.step + right));
    const bit = Math.max(0, Math.min(this.sequence[0].length - 1, this.at.bit + up));
    this.move(step, bit, true);
  }

  /** @param {PointerEvent} event */
  onPointer(event) {
    const cell = /** @type {HTMLElement} */ (event.target);
    if (cell.dataset.step === undefined) return;
    const [step, bit] = [Number(cell.dataset.step), Number(cell.dataset.bit)];
    if (event.type === "pointerdown") {
      this.brush = this.sequence[step][bit] > 0.5 ? 0 : 1;
      cell.releasePointerCapture(event.pointerId);
    }
    if (this.brush === null) return;
    this.put(step, bit, this.brush);
    this.move(step, bit, event.type === "pointerdown");
  }

  /** @param {MouseEvent} event */
  flip(event) {
    const cell = /** @type {HTMLElement} */ (event.target);
    if (cell.dataset.step === undefined) return;
    const [step, bit] = [Number(cell.dataset.step), Number(cell.dataset.bit)];
    this.put(step, bit, this.sequence[step][bit] > 0.5 ? 0 : 1);
  }

  /**
   * @param {number} step
   * @param {number} bit
   * @param {number} value
   */
  put(step, bit, value) {
    this.sequence[step][bit] = value;
    const cell = this.cell(step, bit);
    if (cell) this.paint(cell, step, bit);
    this.value.value = String(value);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} by */
  turn(by) {
    this.start = Math.max(0, Math.min(Math.floor((this.sequence.length - 1) / WINDOW) * WINDOW, this.start + by));
    this.at = { step: this.start, bit: this.at.bit };
    this.draw();
  }

  insert() {
    const empty = new Array(this.sequence[0].length).fill(0);
    this.set(this.sequence.toSpliced(this.at.step + 1, 0, empty), true);
  }

  delete() {
    if (this.sequence.length > 1) this.set(this.sequence.toSpliced(this.at.step, 1), true);
  }
}

customElements.define("ntm-bits-editor", BitsEditor);
