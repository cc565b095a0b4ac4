// @ts-check
// What the rooms of the architectures say beside the rows of their stages; others tell the bounds.

import { NOTES as ntm } from "./ntm/stages.js";

/** @type {Record<string, Record<string, string>>} by architecture, without its version */
const NOTES = { ntm };

/**
 * @param {string} architecture such as ntm/1
 * @param {string} stage
 * @returns {string | undefined}
 */
export function noteOf(architecture, stage) {
  return NOTES[architecture.split("/")[0]]?.[stage];
}
