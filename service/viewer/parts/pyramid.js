// @ts-check
// A matrix pooled to its maxima, level by level, so that it is drawn at any zoom without losing a
// peak: a focus on one slot for one step stays visible among a million cells.

/**
 * @typedef {object} Scale
 * @property {boolean} signed pooled by size, coloured by a diverging map
 * @property {number} high the number of the last colour; the first is 0, or -high
 */

export class Pyramid {
  /**
   * @param {import("./plane.js").Plane} plane
   * @param {Scale} scale
   * @param {{first: number, count: number}} shown which rows, on their circle
   * @param {number} most rows to keep
   */
  constructor(plane, scale, shown, most) {
    this.steps = plane.steps;
    this.signed = scale.signed;
    this.rows = Math.max(1, Math.min(shown.count, most));
    this.levels = [this.codes(plane, scale, shown)];
    while (this.levels[this.levels.length - 1].length > this.rows)
      this.levels.push(this.halved(this.levels[this.levels.length - 1]));
  }

  /**
   * Codes of all steps: 0 is no value, 1 to 255 are the colours of the scale.
   *
   * @param {import("./plane.js").Plane} plane
   * @param {Scale} scale
   * @param {{first: number, count: number}} shown
   * @returns {Uint8Array} step by step
   */
  codes(plane, scale, shown) {
    const { steps, rows } = this;
    const level = new Uint8Array(steps * rows);
    const factor = (scale.signed ? 127 : 254) / (scale.high || 1);
    const zero = scale.signed ? 128 : 1;
    for (let step = 0; step < steps; step++) {
      const values = plane.row(step);
      for (let i = 0; i < shown.count; i++) {
        const value = values[(shown.first + i + plane.rows) % plane.rows];
        if (value !== value) continue; // NaN
        const code = Math.max(1, Math.min(255, Math.round(zero + value * factor)));
        const at = step * rows + Math.floor((i * rows) / shown.count);
        level[at] = this.larger(level[at], code);
      }
    }
    return level;
  }

  /**
   * @param {number} a
   * @param {number} b
   * @returns {number} the code that stays when two cells become one
   */
  larger(a, b) {
    if (a === 0 || b === 0) return a | b;
    if (!this.signed) return a > b ? a : b;
    return Math.abs(a - 128) >= Math.abs(b - 128) ? a : b;
  }

  /**
   * @param {Uint8Array} level
   * @returns {Uint8Array} with half as many columns
   */
  halved(level) {
    const { rows } = this;
    const columns = level.length / rows;
    const half = new Uint8Array(Math.ceil(columns / 2) * rows);
    for (let column = 0; column < columns; column++) {
      const to = (column >> 1) * rows;
      for (let row = 0; row < rows; row++)
        half[to + row] = this.larger(half[to + row], level[column * rows + row]);
    }
    return half;
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
    const perPixel = (b - a) / width;
    const depth = Math.max(0, Math.min(this.levels.length - 1, Math.floor(Math.log2(perPixel))));
    const level = this.levels[depth];
    const columns = level.length / rows;
    const size = 2 ** depth;
    for (let x = 0; x < width; x++) {
      const first = Math.floor((a + x * perPixel) / size);
      const last = Math.max(first + 1, Math.min(columns, Math.ceil((a + (x + 1) * perPixel) / size - 1e-9)));
      // Cells wider than a pixel are not pooled: a pixel belongs to the cell that it begins in.
      const stop = perPixel < 1 ? first + 1 : last;
      for (let row = 0; row < rows; row++) {
        let code = level[first * rows + row];
        for (let column = first + 1; column < stop; column++)
          code = this.larger(code, level[column * rows + row]);
        pixels[(rows - 1 - row) * width + x] = map[code];
      }
    }
  }
}
