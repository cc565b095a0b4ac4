// @ts-check
// What each stage does at a step, in plain words.

import { peakOf } from "./addressing.js";
import { percent, told } from "../../parts/element.js";

/** @typedef {import("./addressing.js").Stages} Stages */
/** @typedef {import("./addressing.js").Controls} Controls */

/** @param {ArrayLike<number>} similarity */
export function ofSimilarity(similarity) {
  const best = peakOf(similarity);
  return `Slot ${best} is most like the key: cosine ${told(similarity[best])}.`;
}

/**
 * @param {ArrayLike<number>} content
 * @param {number} strength
 */
export function ofContent(content, strength) {
  const best = peakOf(content);
  const share = content[best];
  const how = `β = ${told(strength)}`;
  if (share < 0.1) return `${how} hardly tells slots apart: the best, slot ${best}, gets ${percent(share)}.`;
  return `${how} gives slot ${best} ${percent(share)} of the content match.`;
}

/** @param {number} gate */
export function ofGate(gate) {
  const kept = `keeps ${percent(1 - gate)} of where it was`;
  if (gate > 0.95) return `Jumps to the content match: ${kept}.`;
  if (gate < 0.05) return `Stays with the last focus: ${kept}.`;
  return `Blends: takes ${percent(gate)} of the content match, ${kept}.`;
}

/**
 * @param {ArrayLike<number>} shift
 * @param {number[]} shifts
 */
export function ofShift(shift, shifts) {
  const kernel = shifts.map((by, i) => `${signed(by)}: ${told(shift[i])}`).join(", ");
  return `${ofKernel(shift, shifts)} Kernel ${kernel}.`;
}

/**
 * @param {ArrayLike<number>} shift
 * @param {number[]} shifts
 */
function ofKernel(shift, shifts) {
  const best = peakOf(shift);
  const share = shift[best];
  if (share < 0.6) return `Spreads: no shift has more than ${percent(share)}.`;
  if (shifts[best] === 0) return `Holds its place with ${percent(share)}.`;
  return `Moves focus by ${signed(shifts[best])} with ${percent(share)}.`;
}

/**
 * @param {Stages} stages
 * @param {number} sharpening
 */
export function ofSharpening({ shifted, weighting }, sharpening) {
  const best = peakOf(weighting);
  const [before, after] = [shifted[best], weighting[best]];
  const how = `γ = ${told(sharpening)}`;
  if (after - before < 0.005) return `${how} changes little: slot ${best} has ${percent(after)}.`;
  return `${how} lifts slot ${best} from ${percent(before)} to ${percent(after)}.`;
}

/**
 * The whole of a step.
 *
 * @param {string} head
 * @param {number} step
 * @param {Stages} stages
 * @param {ArrayLike<number>} previous
 * @param {Controls} controls
 * @param {number[]} shifts
 */
export function ofStep(head, step, stages, previous, controls, shifts) {
  const verb = head.startsWith("read") ? "reads" : "writes";
  const [from, to] = [peakOf(previous), peakOf(stages.weighting)];
  const share = stages.weighting[to];
  const where = share < 0.3 ? `${verb} all over the memory` : `${verb} slot ${to} (${percent(share)})`;
  const move = shifts[peakOf(controls.shift)];
  const shift = move === 0 ? "no shift" : `a shift of ${signed(move)}`;
  const why =
    controls.gate > 0.5
      ? `it matches its key with slot ${peakOf(stages.content)}, then makes ${shift}`
      : `it starts from its last focus, slot ${from}, and makes ${shift}`;
  return `At step ${step}, ${head} ${where}: ${why}.`;
}

/** @param {number} value */
function signed(value) {
  return value > 0 ? `+${value}` : String(value).replace("-", "−");
}
