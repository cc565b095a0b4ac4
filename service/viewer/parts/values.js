// @ts-check
// What the numbers of an input, an output or a target are: bits, or numbers that are no bits.

import { told } from "./element.js";

const CLEAR = 0.1; // an output this near to 0 or 1 is told as the bit

/** @typedef {import("./plane.js").Plane} Plane */

/**
 * Which rows hold nothing but bits: 0, 1, or no value.
 *
 * @param {Plane} plane
 * @returns {boolean[]} by row
 */
export function bitRows(plane) {
  const isBits = new Array(plane.rows).fill(true);
  for (let step = 0; step < plane.steps; step++)
    plane.row(step).forEach((value, row) => {
      if (value !== 0 && value !== 1 && !Number.isNaN(value)) isBits[row] = false;
    });
  return isBits;
}

/**
 * @param {boolean[]} isBits by row
 * @returns {string} such as `8 bits and 1 number`
 */
export function rowsInWords(isBits) {
  const bits = isBits.filter(Boolean).length;
  const counted = (/** @type {number} */ count, /** @type {string} */ noun) =>
    count ? `${count} ${noun}${count === 1 ? "" : "s"}` : "";
  return [counted(bits, "bit"), counted(isBits.length - bits, "number")].filter(Boolean).join(" and ");
}

/**
 * All rows of a step as text. A value is written as a bit only where it is one, or, for an output
 * that stands for a bit, where it is near one; every other value is written as the number it is.
 *
 * @param {ArrayLike<number>} values
 * @param {boolean} isRounded whether values near a bit stand for it
 * @returns {string}
 */
export function textOf(values, isRounded) {
  const margin = isRounded ? CLEAR : 0;
  let text = "";
  let wasNumber = false;
  for (const value of Array.from(values)) {
    const bit = value > 0.5 ? 1 : 0;
    const isNumber = !Number.isNaN(value) && Math.abs(value - bit) > margin;
    if (text && (isNumber || wasNumber)) text += " ";
    text += Number.isNaN(value) ? "·" : isNumber ? told(Number(value.toPrecision(3))) : String(bit);
    wasNumber = isNumber;
  }
  return text;
}

/**
 * The scale that shows every value of some planes: from 0, or on both sides of 0.
 *
 * @param {Plane[]} planes
 * @returns {import("./pyramid.js").Scale} whose `high` is at least 1
 */
export function scaleOf(planes) {
  const signed = planes.some((plane) => {
    for (let step = 0; step < plane.steps; step++) if (plane.row(step).some((value) => value < 0)) return true;
    return false;
  });
  return { signed, high: Math.max(1, ...planes.map((plane) => plane.largest())) };
}
