// @ts-check
// The row of an input, an output or a target: one colour scale that holds all its numbers, and words
// that call a bit a bit and a number a number.

import { told } from "./element.js";
import { HeatTrack } from "./heat-track.js";
import { bitRows, rowsInWords, scaleOf, textOf } from "./values.js";

/** @typedef {import("./plane.js").Plane} Plane */

/**
 * @param {object} what
 * @param {string} what.id
 * @param {string} what.name
 * @param {number} what.steps
 * @param {Plane} what.plane
 * @param {Plane[]} [what.beside] planes that are to share its colours
 * @param {string | null} [what.noun] what each row is, for outputs; by default bits or numbers, as
 *   the values are
 * @param {(step: number, row: number) => boolean} [what.isWrong]
 * @returns {HeatTrack}
 */
export function sequenceTrack({ id, name, steps, plane, beside = [], noun = null, isWrong }) {
  const scale = scaleOf([plane, ...beside]);
  const isBits = bitRows(plane);
  const words = noun ? `${plane.rows} ${noun === "probability" && plane.rows > 1 ? "probabilities" : noun}${noun !== "probability" && plane.rows > 1 ? "s" : ""}` : rowsInWords(isBits);
  const facts = {
    id,
    name,
    note: `${words}, ${scale.signed ? told(-scale.high) : "0"} to ${told(scale.high)}`,
    steps,
    height: Math.max(18, Math.min(72, 6 * plane.rows)),
  };
  return new HeatTrack(facts, {
    plane,
    rowName: (row) => noun ?? (isBits[row] ? "bit" : "number"),
    scale,
    map: scale.signed ? "signed" : "values",
    pool: "mean",
    text: (values) => textOf(values, noun === "bit"),
    isWrong,
  });
}
