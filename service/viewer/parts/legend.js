// @ts-check
// What the colours, lines and marks of an overview mean.

import { paintCurve } from "./curve-track.js";
import { fill, fit, make, told } from "./element.js";
import { HeatTrack } from "./heat-track.js";

export class Legend extends HTMLElement {
  /** @param {import("./palette.js").Palette} palette */
  constructor(palette) {
    super();
    this.palette = palette;
    this.className = "legend";
    /** @type {string[]} */
    this.heads = [];
    this.marks = true;
    /** @type {{high: number, names: string[]}[]} */
    this.scales = [];
    palette.addEventListener("change", () => this.paint());
    new ResizeObserver(() => this.paintCurves()).observe(this); // it may be filled while hidden
  }

  /**
   * @param {string[]} heads in the order of their curves
   * @param {boolean} marks whether wrong bits are struck out
   * @param {import("./track.js").Track[]} tracks whose colours it explains
   */
  show(heads, marks, tracks) {
    this.heads = heads;
    this.marks = marks;
    this.scales = scalesOf(tracks);
    this.paint();
  }

  paint() {
    const { look } = this.palette;
    const map = (/** @type {Uint32Array} */ colours) => {
      const canvas = make("canvas", { "aria-hidden": "true", width: 255, height: 1 });
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const image = context.createImageData(255, 1);
      new Uint32Array(image.data.buffer).set(colours.subarray(1));
      context.putImageData(image, 0, 0);
      return canvas;
    };
    this.curves = this.heads.map(() => make("canvas", { class: "curve", "aria-hidden": "true" }));
    fill(
      this,
      ...this.scales.map(({ high, names }, i) =>
        make("span", {}, i > 0 && `${names.join(", ")}: `, "0", map(look.values), told(high)),
      ),
      make("span", { title: "up to the number beside each row" }, "−", map(look.signed), "+"),
      ...this.heads.map((head, i) => make("span", {}, this.curves[i], head)),
      this.marks && make("span", {}, "struck out: a wrong bit"),
    );
    this.paintCurves();
  }

  /** @type {HTMLCanvasElement[]} */
  curves = [];

  paintCurves() {
    const { look } = this.palette;
    this.curves.forEach((canvas, i) => {
      const { context, width, height, ratio } = fit(canvas);
      context.clearRect(0, 0, width, height);
      paintCurve(context, look, i, ratio, () => {
        context.moveTo(0, height / 2);
        context.lineTo(width, height / 2);
      });
    });
  }
}

/**
 * The scales from 0 of some rows; the one that most rows have comes first.
 *
 * @param {import("./track.js").Track[]} tracks
 * @returns {{high: number, names: string[]}[]}
 */
export function scalesOf(tracks) {
  /** @type {Map<number, string[]>} */
  const names = new Map();
  for (const track of tracks)
    if (track instanceof HeatTrack && track.heat.map === "values") {
      const { high } = track.heat.scale;
      names.set(high, [...(names.get(high) ?? []), track.facts.name]);
    }
  return [...names].map(([high, all]) => ({ high, names: all })).sort((a, b) => b.names.length - a.names.length);
}

customElements.define("ntm-legend", Legend);
