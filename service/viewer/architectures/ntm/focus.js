// @ts-check
// Attribution of a head's focus: which slots stand out, and which term of Eq. 7 and 8 put them there.

/** @typedef {import("./addressing.js").Stages} Stages */
/** @typedef {import("./addressing.js").Controls} Controls */

/**
 * One summand of the shifted weighting at one slot (Eq. 7 put into Eq. 8).
 *
 * @typedef {object} Contribution
 * @property {"content" | "last"} term g w^c, or (1 − g) w_{t−1}
 * @property {number} from the slot that it comes from
 * @property {number} shift the tap of the shift that carried it
 * @property {number} share of all that arrives at the slot, 0 to 1
 */

const FOCUS = 0.3; // a share of the head's attention below which no slot stands out
const MOST = 3; // slots that may stand out together

/**
 * The slots of a weighting that stand out, the largest first: those with at least half of the
 * largest share. None where the largest is small, or where many, or all, are as large as it.
 *
 * @param {ArrayLike<number>} weighting [N]
 * @returns {number[]}
 */
export function standingOut(weighting) {
  let largest = 0;
  for (let slot = 0; slot < weighting.length; slot++) largest = Math.max(largest, weighting[slot]);
  if (largest < FOCUS) return [];
  const slots = [];
  for (let slot = 0; slot < weighting.length; slot++) if (weighting[slot] >= largest / 2) slots.push(slot);
  const isEverywhere = slots.length > MOST || (slots.length === weighting.length && slots.length > 1);
  return isEverywhere ? [] : slots.sort((a, b) => weighting[b] - weighting[a]);
}

/**
 * What the shift brings to a slot, the largest part first.
 *
 * @param {number} slot
 * @param {ArrayLike<number>} content w^c [N]
 * @param {ArrayLike<number>} previous w_{t−1} [N]
 * @param {Controls} controls
 * @param {number[]} shifts
 * @returns {Contribution[]} two for each tap
 */
export function contributions(slot, content, previous, controls, shifts) {
  const slots = content.length;
  const parts = shifts.flatMap((shift, tap) => {
    const from = (((slot - shift) % slots) + slots) % slots;
    return /** @type {Contribution[]} */ ([
      { term: "content", from, shift, share: controls.shift[tap] * controls.gate * content[from] },
      { term: "last", from, shift, share: controls.shift[tap] * (1 - controls.gate) * previous[from] },
    ]);
  });
  const total = parts.reduce((sum, part) => sum + part.share, 0) || 1;
  return parts.map((part) => ({ ...part, share: part.share / total })).sort((a, b) => b.share - a.share);
}
