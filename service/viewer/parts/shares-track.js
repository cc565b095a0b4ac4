// @ts-check
// A track of shares that sum to 1, stacked: how a distribution over a few choices changes by step.

import { fit, percent } from "./element.js";
import { Track } from "./track.js";

/** @typedef {import("./plane.js").Plane} Plane */

export class SharesTrack extends Track {
  /**
   * @param {import("./track.js").TrackFacts} facts
   * @param {Plane} plane shares [T, choices]
   * @param {string[]} names of the choices, the lowest first
   */
  constructor(facts, plane, names) {
    super(facts);
    this.plane = plane;
    this.names = names;
    this.announce();
  }

  /** @param {number} step */
  describe(step) {
    if (!this.plane || step >= this.plane.steps) return "–";
    return this.names.map((name, choice) => `${name} ${percent(this.plane.at(step, choice))}`).join("\n");
  }

  /**
   * @param {import("./palette.js").Look} look
   * @param {[number, number]} range
   */
  paint(look, range) {
    super.paint(look, range);
    const { context, width, height } = fit(this.canvas);
    const [a, b] = range;
    context.clearRect(0, 0, width, height);
    const columns = Math.min(b - a, width); // where steps share a pixel, their mean
    for (let column = 0; column < columns; column++) {
      const first = Math.floor(a + (column * (b - a)) / columns);
      const stop = Math.min(this.plane.steps, Math.max(first + 1, Math.floor(a + ((column + 1) * (b - a)) / columns)));
      const left = Math.round((column * width) / columns);
      const right = Math.round(((column + 1) * width) / columns);
      let bottom = height;
      this.names.forEach((_, choice) => {
        let sum = 0;
        for (let step = first; step < stop; step++) sum += this.plane.at(step, choice);
        const tall = (sum / Math.max(1, stop - first)) * height;
        context.fillStyle = look.lines[choice % look.lines.length];
        context.fillRect(left, bottom - tall, right - left, tall);
        bottom -= tall;
      });
    }
  }
}

customElements.define("ntm-shares-track", SharesTrack);
