// @ts-check
// A matrix of steps and rows inside a tensor, read without copying it.

export class Plane {
  /**
   * @param {Float32Array} data
   * @param {number} steps
   * @param {number} rows
   * @param {number} [stride] numbers from one step to the next
   * @param {number} [offset] of step 0, row 0
   */
  constructor(data, steps, rows, stride = rows, offset = 0) {
    this.data = data;
    this.steps = steps;
    this.rows = rows;
    this.stride = stride;
    this.offset = offset;
  }

  /**
   * @param {number} step
   * @param {number} row
   * @returns {number}
   */
  at(step, row) {
    return this.data[step * this.stride + this.offset + row];
  }

  /**
   * @param {number} step
   * @returns {Float32Array} all rows
   */
  row(step) {
    const start = step * this.stride + this.offset;
    return this.data.subarray(start, start + this.rows);
  }

  /**
   * @param {number} step
   * @returns {number} the row of the largest number
   */
  peak(step) {
    const row = this.row(step);
    let best = 0;
    for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
    return best;
  }

  /**
   * @param {number} step
   * @returns {number} the row of the largest number by size
   */
  extreme(step) {
    const row = this.row(step);
    let best = 0;
    for (let i = 1; i < row.length; i++) if (Math.abs(row[i]) > Math.abs(row[best])) best = i;
    return best;
  }

  /** @returns {number} the largest number by size, NaN left out */
  largest() {
    let largest = 0;
    for (let step = 0; step < this.steps; step++)
      for (const value of this.row(step)) if (Math.abs(value) > largest) largest = Math.abs(value);
    return largest;
  }

  /**
   * This minus another, over the steps that both have.
   *
   * @param {Plane} other
   * @returns {Plane}
   */
  minus(other) {
    const steps = Math.min(this.steps, other.steps);
    const data = new Float32Array(steps * this.rows);
    for (let step = 0; step < steps; step++)
      for (let row = 0; row < this.rows; row++)
        data[step * this.rows + row] = this.at(step, row) - other.at(step, row);
    return new Plane(data, steps, this.rows);
  }
}

/**
 * The shortest stretch of the circle of slots that every focus lies in, with a slot around, as
 * figures draw it. `first` may be negative: -1 is the last slot.
 *
 * @param {Plane[]} weightings
 * @param {[number, number]} steps that are looked at, [a, b)
 * @returns {{first: number, count: number}}
 */
export function slotsInUse(weightings, [a, b]) {
  const slots = weightings[0]?.rows ?? 0;
  const all = { first: 0, count: slots };
  const looked = new Uint8Array(slots);
  for (const plane of weightings)
    for (let step = a; step < Math.min(b, plane.steps); step++) {
      const row = plane.row(step);
      for (let slot = 0; slot < slots; slot++) if (row[slot] > 0.25) looked[slot] = 1;
    }
  const used = [...looked.keys()].filter((slot) => looked[slot]);
  if (!used.length) return all;
  let widest = 0;
  let after = 0; // the slot that the widest gap ends before
  used.forEach((slot, i) => {
    const next = i + 1 < used.length ? used[i + 1] : used[0] + slots;
    if (next - slot > widest) [widest, after] = [next - slot, next % slots];
  });
  const count = slots - widest + 3;
  if (widest <= 3 || count >= slots) return all;
  const first = after - 1;
  return { first: first + count > slots ? first - slots : first, count };
}
