// @ts-check
// A track of curves: one number a head and step.

import { fit, told } from "./element.js";
import { Track } from "./track.js";

/** @typedef {{name: string, at: (step: number) => number, line?: number}} Curve its look is that of this line */

const DASHES = [[], [5, 3], [1.5, 2.5], [8, 2, 2, 2]];

/**
 * Strokes a path in the colour and the dashes of the curve of this number.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./palette.js").Look} look
 * @param {number} i
 * @param {number} ratio
 * @param {() => void} path
 */
export function paintCurve(context, look, i, ratio, path) {
  context.strokeStyle = look.lines[i % look.lines.length];
  context.lineWidth = 1.6 * ratio;
  context.setLineDash(DASHES[i % DASHES.length].map((length) => length * ratio));
  context.beginPath();
  path();
  context.stroke();
  context.setLineDash([]);
}

export class CurveTrack extends Track {
  /**
   * @param {import("./track.js").TrackFacts} facts
   * @param {Curve[]} curves
   * @param {[number, number]} bounds of the axis
   */
  constructor(facts, curves, bounds) {
    super(facts);
    this.curves = curves;
    this.bounds = bounds;
    this.announce();
  }

  /** @param {number} step */
  describe(step) {
    if (!this.curves) return "";
    return this.curves.map((curve) => `${curve.name} ${told(curve.at(step))}`).join("\n");
  }

  /**
   * @param {import("./palette.js").Look} look
   * @param {[number, number]} range
   */
  paint(look, range) {
    super.paint(look, range);
    const { context, width, height, ratio } = fit(this.canvas);
    const [low, high] = this.bounds;
    const pad = 3 * ratio;
    const y = (/** @type {number} */ value) =>
      height - pad - ((value - low) / (high - low || 1)) * (height - 2 * pad);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = look.rule;
    context.lineWidth = ratio;
    context.setLineDash([]);
    context.beginPath();
    for (const value of low < 0 ? [low, 0, high] : [low, high]) {
      context.moveTo(0, Math.round(y(value)) + 0.5);
      context.lineTo(width, Math.round(y(value)) + 0.5);
    }
    context.stroke();
    context.lineJoin = "round";
    this.curves.forEach((curve, i) =>
      paintCurve(context, look, curve.line ?? i, ratio, () => this.trace(context, curve, range, width, y)),
    );
    context.fillStyle = look.faint;
    context.font = `${10 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "top";
    context.fillText(told(high), 3 * ratio, pad + ratio);
    context.textBaseline = "bottom";
    context.fillText(told(low), 3 * ratio, height - pad - ratio);
  }

  /**
   * The path of a curve: through every step where there is room, else from lowest to highest in
   * every pixel.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {Curve} curve
   * @param {[number, number]} range
   * @param {number} width
   * @param {(value: number) => number} y
   */
  trace(context, curve, [a, b], width, y) {
    const perPixel = (b - a) / width;
    if (b - a === 1) {
      for (const x of [0, width]) context.lineTo(x, y(curve.at(a))); // one step fills the plot
      return;
    }
    if (perPixel <= 1) {
      for (let step = a; step < b; step++) context.lineTo((step - a + 0.5) / perPixel, y(curve.at(step)));
      return;
    }
    for (let x = 0; x < width; x++) {
      let [low, high] = [Infinity, -Infinity];
      const stop = Math.max(Math.floor(a + x * perPixel) + 1, Math.floor(a + (x + 1) * perPixel));
      for (let step = Math.floor(a + x * perPixel); step < Math.min(b, stop); step++) {
        const value = curve.at(step);
        if (value < low) low = value;
        if (value > high) high = value;
      }
      context.lineTo(x, y(low));
      context.lineTo(x, y(high));
    }
  }
}

customElements.define("ntm-curve-track", CurveTrack);
