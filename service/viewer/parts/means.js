// @ts-check
// A matrix drawn at any zoom by the mean of what shares a pixel, from running sums: what is as often
// 0 as 1 looks like one half. Where one peak among many is what counts, pyramid.js keeps the largest.

/** @typedef {import("./pyramid.js").Scale} Scale */

export class Means {
  /**
   * @param {import("./plane.js").Plane} plane
   * @param {Scale} scale
   * @param {{first: number, count: number}} shown which rows, on their circle
   * @param {number} most rows to draw
   */
  constructor(plane, scale, shown, most) {
    this.scale = scale;
    /** @type {number} */
    this.rows = Math.max(1, Math.min(shown.count, most));
    this.sums = new Float64Array((plane.steps + 1) * this.rows); // of all steps before one
    this.counts = new Uint32Array(this.sums.length);
    for (let step = 0; step < plane.steps; step++) {
      const values = plane.row(step);
      const from = step * this.rows;
      const to = from + this.rows;
      for (let row = 0; row < this.rows; row++) {
        this.sums[to + row] = this.sums[from + row];
        this.counts[to + row] = this.counts[from + row];
      }
      for (let i = 0; i < shown.count; i++) {
        const value = values[(shown.first + i + plane.rows) % plane.rows];
        if (Number.isNaN(value)) continue;
        const at = to + Math.floor((i * this.rows) / shown.count);
        this.sums[at] += value;
        this.counts[at] += 1;
      }
    }
  }

  /**
   * The mean of a row over steps [a, b); NaN where it has no value.
   *
   * @param {number} row
   * @param {number} a
   * @param {number} b
   */
  mean(row, a, b) {
    const [from, to] = [a * this.rows + row, b * this.rows + row];
    return (this.sums[to] - this.sums[from]) / (this.counts[to] - this.counts[from]);
  }

  /**
   * Paints steps a to b; row 0 at the bottom.
   *
   * @param {Uint32Array} pixels width * rows
   * @param {number} width
   * @param {[number, number]} range
   * @param {import("./palette.js").Map256} map
   */
  paint(pixels, width, [a, b], map) {
    const { rows } = this;
    const { signed, high } = this.scale;
    const perPixel = (b - a) / width;
    const factor = (signed ? 127 : 254) / (high || 1);
    const zero = signed ? 128 : 1;
    for (let x = 0; x < width; x++) {
      const first = Math.floor(a + x * perPixel);
      const last = Math.max(first + 1, Math.min(b, Math.ceil(a + (x + 1) * perPixel - 1e-9)));
      const stop = perPixel < 1 ? first + 1 : last; // a pixel belongs to the cell that it begins in
      for (let row = 0; row < rows; row++) {
        const mean = this.mean(row, first, stop);
        const code = Number.isNaN(mean) ? 0 : Math.max(1, Math.min(255, Math.round(zero + mean * factor)));
        pixels[(rows - 1 - row) * width + x] = map[code];
      }
    }
  }
}
