// @ts-check
// Eq. 5 to 9 in double precision, for one head at one step: what a changed control would do at once.
// What a run did is never taken from here but from the service.

/**
 * @typedef {object} Controls
 * @property {ArrayLike<number>} key [M]
 * @property {number} strength β
 * @property {number} gate g
 * @property {ArrayLike<number>} shift s [S]
 * @property {number} sharpening γ
 */

/**
 * @typedef {object} Stages [N] each
 * @property {ArrayLike<number>} content
 * @property {ArrayLike<number>} gated
 * @property {ArrayLike<number>} shifted
 * @property {ArrayLike<number>} weighting
 */

/**
 * Eq. 6.
 *
 * @param {ArrayLike<number>} memory [N * M]
 * @param {ArrayLike<number>} key [M]
 * @returns {Float64Array} [N]
 */
export function cosines(memory, key) {
  const width = key.length;
  const slots = memory.length / width;
  const size = Math.sqrt(sum(key, (value) => value * value)) || 1e-8;
  const found = new Float64Array(slots);
  for (let slot = 0; slot < slots; slot++) {
    let [dot, square] = [0, 0];
    for (let i = 0; i < width; i++) {
      const value = memory[slot * width + i];
      dot += value * key[i];
      square += value * value;
    }
    found[slot] = dot / size / Math.max(1e-8, Math.sqrt(square));
  }
  return found;
}

/**
 * All four stages.
 *
 * @param {ArrayLike<number>} similarity [N]
 * @param {ArrayLike<number>} previous the head's last weighting [N]
 * @param {Controls} controls
 * @param {number[]} shifts
 * @returns {Stages}
 */
export function stagesOf(similarity, previous, controls, shifts) {
  const slots = similarity.length;
  const content = softmax(Float64Array.from(similarity, (value) => controls.strength * value));
  const gated = content.map((value, i) => previous[i] + controls.gate * (value - previous[i]));
  const shifted = new Float64Array(slots);
  shifts.forEach((shift, j) => {
    for (let i = 0; i < slots; i++)
      shifted[i] += controls.shift[j] * gated[(i - shift + slots * Math.abs(shift)) % slots];
  });
  const logs = shifted.map((value) => controls.sharpening * Math.log(Math.max(0, value) + 1e-30));
  return { content, gated, shifted, weighting: softmax(logs) };
}

/**
 * @param {Float64Array} values
 * @returns {Float64Array}
 */
function softmax(values) {
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = sum(powers, (value) => value);
  return powers.map((value) => value / total);
}

/**
 * @param {ArrayLike<number>} values
 * @param {(value: number) => number} of
 */
function sum(values, of) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += of(values[i]);
  return total;
}

/** @param {ArrayLike<number>} values */
export function peakOf(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/**
 * Shift weights for a move by any number of slots between the outermost shifts.
 *
 * @param {number} move
 * @param {number[]} shifts
 * @returns {number[]} [S], sums to 1
 */
export function shiftFor(move, shifts) {
  return shifts.map((shift) => Math.max(0, 1 - Math.abs(move - shift)));
}
