// @ts-check
// A matrix of slots by columns at one step, as a map that one can walk through by keyboard.

import { fit, make, told } from "./element.js";

/** Tells `edit` events with {slot, column}. */
export class MemoryMap extends HTMLElement {
  /** @param {string} name */
  constructor(name) {
    super();
    this.name = name;
    this.canvas = make("canvas", { class: "plot", "aria-hidden": "true" });
    this.value = make("span", { class: "value" });
    this.handle = make(
      "div",
      { class: "handle", role: "slider", tabIndex: 0, "aria-label": `${name}, slots up, columns across` },
      this.canvas,
    );
    this.append(make("h3", {}, name), this.handle, this.value);
    this.cell = { slot: 0, column: 0 };
    /** @type {Float32Array | null} */
    this.values = null;
    this.width = 1;
    this.shown = { first: 0, count: 1 };
    this.setValue();
    this.handle.addEventListener("keydown", (event) => this.onKey(event));
    for (const type of /** @type {const} */ (["pointermove", "pointerdown"]))
      this.handle.addEventListener(type, (event) => this.move(this.cellAt(event)));
    this.handle.addEventListener("dblclick", () => this.edit());
  }

  get slots() {
    return this.values ? this.values.length / this.width : 1;
  }

  edit() {
    this.dispatchEvent(new CustomEvent("edit", { detail: this.cell, bubbles: true }));
  }

  /** @param {MouseEvent} event */
  cellAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.max(0, Math.min(0.9999, (event.clientX - box.left) / box.width));
    const y = Math.max(0, Math.min(0.9999, 1 - (event.clientY - box.top) / box.height));
    const slot = this.shown.first + Math.floor(y * this.shown.count);
    return { slot: (slot + this.slots) % this.slots, column: Math.floor(x * this.width) };
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { slot, column } = this.cell;
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowUp: [1, 0],
      ArrowDown: [-1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    });
    if (event.key in moves) {
      const [up, right] = moves[event.key];
      const next = { slot: (slot + up + this.slots) % this.slots, column: column + right };
      this.move({ ...next, column: Math.max(0, Math.min(this.width - 1, next.column)) });
    } else if (event.key === "Home") this.move({ slot, column: 0 });
    else if (event.key === "End") this.move({ slot, column: this.width - 1 });
    else if (event.key === "Enter") this.edit();
    else return;
    event.preventDefault();
  }

  /** @param {{slot: number, column: number}} cell */
  move(cell) {
    this.cell = cell;
    this.setValue();
    if (this.look) this.paint();
  }

  setValue() {
    const { slot, column } = this.cell;
    const value = this.values?.[slot * this.width + column];
    const text = value === undefined ? "not loaded" : `slot ${slot}, column ${column}: ${told(value)}`;
    this.value.textContent = text;
    for (const [name, said] of Object.entries({ valuemin: 0, valuemax: this.slots - 1, valuenow: slot, valuetext: text }))
      this.handle.setAttribute(`aria-${name}`, String(said));
  }

  /**
   * @param {Float32Array} values [N * M]
   * @param {number} width M
   * @param {{first: number, count: number}} shown
   * @param {number} high
   * @param {import("./palette.js").Look} look
   */
  show(values, width, shown, high, look) {
    Object.assign(this, { values, width, shown, high, look });
    if (this.cell.slot >= this.slots) this.cell = { slot: 0, column: 0 };
    this.setValue();
    this.paint();
  }

  high = 1;
  /** @type {import("./palette.js").Look | null} */
  look = null;

  paint() {
    const { values, look, shown, width: columns } = this;
    if (!values || !look || !this.clientWidth) return;
    const { context, width, height, ratio } = fit(this.canvas);
    const rows = Math.min(shown.count, height);
    const buffer = new OffscreenCanvas(columns, rows);
    const brush = /** @type {OffscreenCanvasRenderingContext2D} */ (buffer.getContext("2d"));
    const image = brush.createImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        let largest = 0; // of the slots that share a row of pixels
        const stop = Math.max(Math.floor((row * shown.count) / rows) + 1, Math.floor(((row + 1) * shown.count) / rows));
        for (let i = Math.floor((row * shown.count) / rows); i < stop; i++) {
          const slot = (shown.first + i + this.slots) % this.slots;
          const value = values[slot * columns + column];
          if (Math.abs(value) > Math.abs(largest)) largest = value;
        }
        const code = Math.round(128 + (127 * largest) / (this.high || 1));
        pixels[(rows - 1 - row) * columns + column] = look.signed[Math.max(1, Math.min(255, code))];
      }
    brush.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, width, height);
    context.drawImage(buffer, 0, 0, columns, rows, 0, 0, width, height);
    const row = (this.cell.slot - shown.first + this.slots) % this.slots;
    if (row < shown.count) {
      const [w, h] = [width / columns, height / shown.count];
      context.strokeStyle = look.accent;
      context.lineWidth = 2 * ratio;
      const tall = Math.max(h, 3 * ratio);
      context.strokeRect(this.cell.column * w + ratio, height - (row + 1) * h, w - 2 * ratio, tall);
    }
  }
}

customElements.define("ntm-memory-map", MemoryMap);
