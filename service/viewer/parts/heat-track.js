// @ts-check
// A track that is a map: steps across, slots or bits up, colour for the number.

import { fit, told } from "./element.js";
import { Pyramid } from "./pyramid.js";
import { Track } from "./track.js";

/** @typedef {import("./plane.js").Plane} Plane */

/**
 * @typedef {object} HeatFacts
 * @property {Plane} plane
 * @property {string} rowName slot, bit, column
 * @property {import("./pyramid.js").Scale} scale
 * @property {"values" | "signed" | "difference"} map
 * @property {{first: number, count: number}} [shown] rows drawn, on their circle
 * @property {boolean} [peaks] whether the numbers tell the row of the largest value
 * @property {(step: number, row: number) => boolean} [isWrong]
 */

export class HeatTrack extends Track {
  /**
   * @param {import("./track.js").TrackFacts} facts
   * @param {HeatFacts} heat
   */
  constructor(facts, heat) {
    super(facts);
    this.heat = heat;
    this.shown = heat.shown ?? { first: 0, count: heat.plane.rows };
    /** @type {Pyramid | null} */
    this.pyramid = null;
    this.buffer = new OffscreenCanvas(1, 1);
    if (heat.peaks) this.row = heat.plane.peak(0);
    this.announce();
  }

  get rows() {
    return this.heat.plane.rows;
  }

  /**
   * Draws other rows from now on.
   *
   * @param {{first: number, count: number}} shown
   * @param {string} note which they are
   */
  setShown(shown, note) {
    if (shown.first === this.shown.first && shown.count === this.shown.count) return;
    this.shown = shown;
    this.pyramid = null;
    this.note.textContent = note;
    this.handle.setAttribute("aria-label", `${this.facts.name}, ${note}`);
  }

  /** @param {number} share */
  rowAt(share) {
    const { first, count } = this.shown;
    return (first + Math.floor(share * count) + this.rows) % this.rows;
  }

  /**
   * @param {number} step
   * @param {number} row
   */
  describe(step, row) {
    if (!this.heat) return "";
    const { plane, rowName } = this.heat;
    if (step >= plane.steps) return "–";
    const value = plane.at(step, row);
    const wrong = this.heat.isWrong?.(step, row) ? " wrong" : "";
    return Number.isNaN(value) ? `${rowName} ${row}: any` : `${rowName} ${row}: ${told(value)}${wrong}`;
  }

  /** @param {number} step */
  summary(step) {
    const { plane, peaks, map } = this.heat;
    if (step >= plane.steps) return "–";
    if (map === "difference") return this.describe(step, plane.extreme(step));
    if (plane.rows === 1) return told(plane.at(step, 0)).replace("–", "any");
    if (peaks) return this.describe(step, plane.peak(step));
    if (plane.rows > 10) return "";
    const bits = [...plane.row(step)];
    if (bits.every(Number.isNaN)) return "any";
    if (bits.every((bit) => Number.isNaN(bit) || (bit > -0.2 && bit < 1.2)))
      return bits.map((bit) => (Number.isNaN(bit) ? "·" : bit > 0.5 ? "1" : "0")).join("");
    return "";
  }

  /**
   * @param {import("./palette.js").Look} look
   * @param {[number, number]} range
   */
  paint(look, range) {
    super.paint(look, range);
    const { context, width, height } = fit(this.canvas);
    const { plane, scale, map } = this.heat;
    if (!this.pyramid || this.pyramid.rows > height)
      this.pyramid = new Pyramid(plane, scale, this.shown, Math.max(1, Math.floor(height)));
    const { rows } = this.pyramid;
    if (this.buffer.width !== width || this.buffer.height !== rows)
      Object.assign(this.buffer, { width, height: rows });
    const brush = /** @type {OffscreenCanvasRenderingContext2D} */ (this.buffer.getContext("2d"));
    const image = brush.createImageData(width, rows);
    const stop = Math.min(range[1], plane.steps);
    this.pyramid.paint(new Uint32Array(image.data.buffer), width, [range[0], stop], look[map]);
    brush.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, width, height);
    const drawn = (width * (stop - range[0])) / (range[1] - range[0]);
    context.drawImage(this.buffer, 0, 0, width, rows, 0, 0, drawn, height);
    if (this.heat.isWrong) this.paintWrong(context, look, range, width, height);
  }

  /**
   * Marks wrong bits by a shape, not by a colour alone.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {import("./palette.js").Look} look
   * @param {[number, number]} range
   * @param {number} width
   * @param {number} height
   */
  paintWrong(context, look, [a, b], width, height) {
    const cell = { width: width / (b - a), height: height / this.rows };
    const ratio = window.devicePixelRatio || 1;
    context.strokeStyle = look.wrong;
    context.fillStyle = look.wrong;
    context.lineWidth = Math.min(2, cell.height / 3 / ratio) * ratio;
    context.beginPath();
    for (let step = a; step < b; step++)
      for (let row = 0; row < this.rows; row++) {
        if (!this.heat.isWrong?.(step, row)) continue;
        const x = (step - a) * cell.width;
        const y = height - (row + 1) * cell.height;
        if (cell.width < 4 * ratio) context.fillRect(x, y, Math.max(2 * ratio, cell.width), cell.height);
        else {
          context.moveTo(x + ratio, y + cell.height - ratio);
          context.lineTo(x + cell.width - ratio, y + ratio);
        }
      }
    context.stroke();
  }
}

customElements.define("ntm-heat-track", HeatTrack);
