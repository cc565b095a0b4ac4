// @ts-check
// A track that is a map: steps across, slots or bits up, colour for the number.

import { fit, make, told } from "./element.js";
import { Means } from "./means.js";
import { Pyramid } from "./pyramid.js";
import { Track } from "./track.js";

/** @typedef {import("./plane.js").Plane} Plane */

/**
 * @typedef {object} HeatFacts
 * @property {Plane} plane
 * @property {string | ((row: number) => string)} rowName slot, bit, column
 * @property {import("./pyramid.js").Scale} scale
 * @property {"values" | "signed" | "difference"} map
 * @property {{first: number, count: number}} [shown] rows drawn, on their circle
 * @property {"largest" | "mean"} pool what is drawn where several numbers share a pixel
 * @property {(values: Float32Array) => string} [text] all rows of a step in a few characters
 * @property {boolean} [peaks] whether the numbers tell the row of the largest value
 * @property {(step: number, row: number) => boolean} [isWrong]
 */

const MOST_ROWS = 10; // that are told in one line

export class HeatTrack extends Track {
  /**
   * @param {import("./track.js").TrackFacts} facts
   * @param {HeatFacts} heat
   */
  constructor(facts, heat) {
    super(facts);
    this.heat = heat;
    this.shown = heat.shown ?? { first: 0, count: heat.plane.rows };
    /** @type {Pyramid | Means | null} */
    this.pyramid = null;
    this.pooled = make("span", { class: "pooled" });
    this.note.after(this.pooled);
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
    const { plane } = this.heat;
    if (step >= plane.steps) return "–";
    const rowName = typeof this.heat.rowName === "string" ? this.heat.rowName : this.heat.rowName(row);
    const value = plane.at(step, row);
    const wrong = this.heat.isWrong?.(step, row) ? " wrong" : "";
    return Number.isNaN(value) ? `${rowName} ${row}: any` : `${rowName} ${row}: ${told(value)}${wrong}`;
  }

  /** @param {number} step */
  summary(step) {
    const { plane, peaks, map, text } = this.heat;
    if (step >= plane.steps) return "–";
    if (map === "difference") return this.describe(step, plane.extreme(step));
    if (plane.rows === 1) return told(plane.at(step, 0)).replace("–", "any");
    if (peaks) return this.describe(step, plane.peak(step));
    if (plane.rows > MOST_ROWS || !text) return "";
    const values = plane.row(step);
    return values.every(Number.isNaN) ? "any" : text(values);
  }

  /**
   * @param {import("./palette.js").Look} look
   * @param {[number, number]} range
   */
  paint(look, range) {
    super.paint(look, range);
    const { context, width, height } = fit(this.canvas);
    const { plane, scale, map, pool } = this.heat;
    if (!this.pyramid || this.pyramid.rows > height)
      this.pyramid = new (pool === "mean" ? Means : Pyramid)(plane, scale, this.shown, Math.max(1, Math.floor(height)));
    this.showPooled(range, width);
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
   * Says what a pixel shows where it holds more than one number.
   *
   * @param {[number, number]} range
   * @param {number} width of the plot in pixels
   */
  showPooled([a, b], width) {
    const rows = this.pyramid?.rows ?? this.shown.count;
    const many = b - a > width || this.shown.count > rows;
    const text = many ? `${this.heat.pool} in each pixel` : "";
    if (this.pooled.textContent !== text) this.pooled.textContent = text;
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
