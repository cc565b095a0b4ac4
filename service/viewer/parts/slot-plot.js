// @ts-check
// One stage on the slot axis: bars for what was, an outline for what is compared with it.

import { fit, make, told } from "./element.js";

/**
 * @typedef {object} Drawing
 * @property {ArrayLike<number>} values [N]
 * @property {ArrayLike<number> | null} [outline] [N]
 * @property {boolean} [signed]
 * @property {{first: number, count: number}} shown
 * @property {number} slot where the slot cursor is
 */

/** Tells `slot` events with the slot that the keyboard or the pointer is on. */
export class SlotPlot extends HTMLElement {
  /** @param {string} name */
  constructor(name) {
    super();
    this.canvas = make("canvas", { class: "plot", "aria-hidden": "true" });
    /** @type {Drawing | null} */
    this.drawing = null;
    for (const [attribute, value] of Object.entries({
      role: "slider",
      tabindex: "0",
      "aria-label": `${name} by slot`,
      "aria-valuemin": "0",
      "aria-valuemax": "0",
      "aria-valuenow": "0",
      "aria-valuetext": "not loaded",
    }))
      this.setAttribute(attribute, value);
    this.append(this.canvas);
    this.addEventListener("pointermove", (event) => {
      const { shown, values } = this.drawing ?? { shown: { first: 0, count: 1 }, values: [0] };
      const box = this.canvas.getBoundingClientRect();
      const share = Math.max(0, Math.min(0.9999, (event.clientX - box.left) / box.width));
      const slot = shown.first + Math.floor(share * shown.count);
      this.tell((slot + values.length) % values.length);
    });
    this.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** @param {number} slot */
  tell(slot) {
    this.dispatchEvent(new CustomEvent("slot", { detail: slot, bubbles: true }));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.drawing) return;
    const slots = this.drawing.values.length;
    const moves = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 });
    const { slot } = this.drawing;
    if (event.key in moves) this.tell((slot + moves[event.key] + slots) % slots);
    else if (event.key === "Home") this.tell(0);
    else if (event.key === "End") this.tell(slots - 1);
    else return;
    event.preventDefault();
  }

  /**
   * @param {Drawing} drawing
   * @param {import("./palette.js").Look} look
   */
  show(drawing, look) {
    this.drawing = drawing;
    const { values, shown, slot } = drawing;
    this.setAttribute("aria-valuemax", String(values.length - 1));
    this.setAttribute("aria-valuenow", String(slot));
    this.setAttribute("aria-valuetext", `slot ${slot}: ${told(values[slot])}`);
    const { context, width, height, ratio } = fit(this.canvas);
    const bottom = height - 1 * ratio;
    const high = drawing.signed ? 1 : this.top(drawing);
    const zero = drawing.signed ? height / 2 : bottom;
    const scale = (drawing.signed ? height / 2 - 2 * ratio : height - 4 * ratio) / high;
    context.clearRect(0, 0, width, height);
    const wide = width / shown.count;
    const at = (/** @type {number} */ i) => (shown.first + i + values.length) % values.length;
    for (let i = 0; i < shown.count; i++)
      if (at(i) === slot) {
        context.fillStyle = look.rule;
        context.fillRect(i * wide, 0, Math.max(ratio, wide), height);
      }
    context.fillStyle = look.faint;
    context.fillRect(0, zero - ratio / 2, width, ratio);
    context.fillStyle = look.lines[0];
    for (let i = 0; i < shown.count; i++) {
      const size = values[at(i)] * scale;
      const gap = wide > 5 * ratio ? ratio : 0;
      context.fillRect(i * wide + gap / 2, size > 0 ? zero - size : zero, Math.max(ratio, wide - gap), Math.abs(size));
    }
    const { outline } = drawing;
    if (outline) {
      context.strokeStyle = look.accent;
      context.lineWidth = 1.5 * ratio;
      context.beginPath();
      for (let i = 0; i < shown.count; i++) {
        const y = zero - outline[at(i)] * scale;
        context.lineTo(i * wide, y);
        context.lineTo((i + 1) * wide, y);
      }
      context.stroke();
    }
    context.fillStyle = look.faint;
    context.font = `${10 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "top";
    context.textAlign = "right";
    context.fillText(told(high), width - 3 * ratio, 2 * ratio);
    context.textAlign = "left";
  }

  /**
   * The top of the axis: 1, or less where all is small.
   *
   * @param {Drawing} drawing
   */
  top({ values, outline }) {
    let largest = 0;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i], outline?.[i] ?? 0);
    return [0.02, 0.05, 0.1, 0.2, 0.5].find((top) => top >= largest) ?? 1;
  }
}

customElements.define("ntm-slot-plot", SlotPlot);
