// @ts-check
// What each stage does at a step, in plain words: pure functions of the numbers. A sentence names a
// slot, a term or a shift only where the numbers single it out.

import { peakOf } from "./addressing.js";
import { contributions, standingOut } from "./focus.js";
import { percent, told } from "../../parts/element.js";

/** @typedef {import("./addressing.js").Stages} Stages */
/** @typedef {import("./addressing.js").Controls} Controls */

/**
 * One head at one step.
 *
 * @typedef {object} HeadStep
 * @property {string} head such as read.0
 * @property {number} step
 * @property {Stages} stages
 * @property {ArrayLike<number>} previous w_{t−1} [N]
 * @property {Controls} controls
 * @property {number[]} shifts
 * @property {boolean} [isSet] whether an intervention put the weighting there
 */

const ALIKE = 1e-4; // cosines closer than this are one

/** @param {ArrayLike<number>} similarity */
export function ofSimilarity(similarity) {
  const best = peakOf(similarity);
  let alike = 0;
  for (let slot = 0; slot < similarity.length; slot++) if (similarity[best] - similarity[slot] < ALIKE) alike++;
  if (alike === similarity.length && alike > 1) return `All slots are as like the key: cosine ${told(similarity[best])}.`;
  if (alike > 1) return `${alike} slots are most like the key, slot ${best} among them: cosine ${told(similarity[best])}.`;
  return `Slot ${best} is most like the key: cosine ${told(similarity[best])}.`;
}

/**
 * @param {ArrayLike<number>} content
 * @param {number} strength
 */
export function ofContent(content, strength) {
  const slots = standingOut(content);
  const how = `β = ${told(strength)}`;
  if (!slots.length) return `${how} hardly tells slots apart: no slot stands out, the most that one gets is ${percent(content[peakOf(content)])}.`;
  return `${how} gives ${listed(slots, content)} of the content match.`;
}

/** @param {number} gate */
export function ofGate(gate) {
  const rest = `${percent(1 - gate)} of its last weighting`;
  if (gate > 0.95) return `Takes the content match, and keeps ${rest}.`;
  if (gate < 0.05) return `Stays with where it was: takes ${percent(gate)} of the content match, keeps ${rest}.`;
  return `Blends: takes ${percent(gate)} of the content match, keeps ${rest}.`;
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
 * @param {boolean} [isSet] whether an intervention put the weighting there
 */
export function ofSharpening({ shifted, weighting }, sharpening, isSet = false) {
  const best = peakOf(weighting);
  const [before, after] = [shifted[best], weighting[best]];
  const how = `γ = ${told(sharpening)}`;
  if (isSet) return "A change set this weighting, whatever the stages before it say.";
  if (!standingOut(weighting).length) return `${how} leaves no slot that stands out: the most that one has is ${percent(after)}.`;
  if (after - before < 0.005) return `${how} changes little: slot ${best} has ${percent(after)}.`;
  return `${how} lifts slot ${best} from ${percent(before)} to ${percent(after)}.`;
}

/**
 * The whole of a step: where the head looks, and which term put its focus there.
 *
 * @param {HeadStep} at
 */
export function ofStep(at) {
  const { head, step, stages, isSet } = at;
  const verb = head.startsWith("read") ? "reads" : "writes";
  const { weighting } = stages;
  const slots = standingOut(weighting);
  const largest = weighting[peakOf(weighting)];
  const begin = `At step ${step}, ${head}`;
  if (!largest) return `${begin} ${verb} nothing: its weighting is zero on every slot.`;
  if (!slots.length)
    return `${begin} ${verb} many slots at once: no slot stands out, the most that one has is ${percent(largest)}.`;
  const where = `${begin} ${verb} ${listed(slots, weighting)}`;
  return isSet ? `${where}: a change set its weighting.` : `${where}: ${reasonOf(slots[0], at)}.`;
}

/**
 * Which term gave most to a slot, and by which shift.
 *
 * @param {number} slot
 * @param {HeadStep} at
 */
function reasonOf(slot, { stages, previous, controls, shifts, step }) {
  const [{ term, from, shift, share }] = contributions(slot, stages.content, previous, controls, shifts);
  const values = term === "content" ? stages.content : previous;
  const name = term === "content" ? "its content match" : step === 0 ? "its first weighting" : "its last weighting";
  const source =
    values[from] < 0.3 ? `the ${percent(values[from])} of ${name} on slot ${from}` : `${name} on slot ${from}`;
  const part = share < 0.5 ? `the largest part, ${percent(share)},` : percent(share);
  return `${part} of what arrives at slot ${slot} is from ${source}, ${shift === 0 ? "not shifted" : `shifted by ${signed(shift)}`}`;
}

/**
 * @param {number[]} slots
 * @param {ArrayLike<number>} weighting
 * @returns {string} such as `slot 3 (60 %) and slot 4 (35 %)`
 */
function listed(slots, weighting) {
  const words = slots.map((slot) => `slot ${slot} (${percent(weighting[slot])})`);
  return words.length < 2 ? words[0] : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/** @param {number} value */
function signed(value) {
  return value > 0 ? `+${value}` : String(value).replace("-", "−");
}
