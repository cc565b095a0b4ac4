// @ts-check
// The table of stages of a model, as the signature of GET /models/{name} tells it: what a head has,
// where a trace tells it, and which rows an overview draws of it.

/** @typedef {"read" | "write"} Kind */

/** @type {Record<string, string>} */
const RAISED = { a: "ᵃ", r: "ʳ", w: "ʷ" };

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {"heads" | "read" | "write" | "memory" | "controller"} owner
 * @property {"control" | "weighting" | "distribution" | "vector" | "matrix"} kind
 * @property {"addressing" | "weighting" | "writes" | "reads" | "controller"} group
 * @property {(number | "slots")[]} shape of a step, heads first where it has some
 * @property {[number | null, number | null]} bounds
 * @property {boolean} pinnable
 * @property {string} symbol
 * @property {string[]} choices names of what a distribution is over, none where they are numbered
 */

/**
 * @typedef {object} Signature
 * @property {string} architecture
 * @property {number} memory_width M
 * @property {number[]} shifts by how many slots each part of a shift moves
 * @property {Stage[]} stages in the order of computation
 * @property {"before" | "after"} reads_see
 * @property {{erase: string, add: string} | null} written
 */

/**
 * @typedef {object} Row
 * @property {Stage} stage
 * @property {"curve" | "shift" | "shares" | "slots"} draw
 */

/**
 * @param {Stage} stage
 * @param {Kind} kind of a head
 */
export function belongsTo(stage, kind) {
  return stage.owner === "heads" || stage.owner === kind;
}

/**
 * Where a trace tells a stage of a kind of head.
 *
 * @param {Stage} stage
 * @param {Kind} kind
 * @returns {string}
 */
export function tensorOf(stage, kind) {
  if (stage.group === "weighting") return `${kind}_weightings`;
  if (stage.group === "addressing") return `addressing.${kind}.${stage.name}`;
  return stage.group === stage.name ? stage.name : `${stage.group}.${stage.name}`;
}

/**
 * The weighting that says where a kind of head looks in the end.
 *
 * @param {Signature} signature
 * @param {Kind} kind
 * @returns {Stage | undefined}
 */
export function lastWeighting({ stages }, kind) {
  return stages.find((stage) => stage.group === "weighting" && belongsTo(stage, kind));
}

/**
 * The vectors that a kind of head writes or reads.
 *
 * @param {Signature} signature
 * @param {Kind} kind
 * @returns {Stage[]}
 */
export function vectorsOf({ stages, written }, kind) {
  if (kind === "read") return stages.filter((stage) => stage.group === "reads" && belongsTo(stage, kind));
  const own = stages.filter((stage) => stage.group === "writes" && belongsTo(stage, kind) && stage.kind !== "weighting");
  return written ? own.filter((stage) => stage.name === written.add) : own;
}

/**
 * The rows below those of the heads: scalars as curves, distributions as shares (or the expected
 * shift, where they are over shifts), what the memory has for every slot as a map.
 *
 * @param {Signature} signature
 * @returns {Row[]} in the order of computation
 */
export function rowsOf({ stages, shifts }) {
  return stages.flatMap((stage) => {
    const draw = drawingOf(stage, shifts);
    return draw ? [{ stage, draw }] : [];
  });
}

/**
 * @param {Stage} stage
 * @param {number[]} shifts
 * @returns {Row["draw"] | null} null where it has no row
 */
function drawingOf({ owner, kind, group, shape }, shifts) {
  if (owner === "memory") return shape.length === 1 && shape[0] === "slots" ? "slots" : null;
  if (group !== "addressing" || owner === "controller") return null;
  if (kind === "distribution") return shifts.length && shape[1] === shifts.length ? "shift" : "shares";
  return kind === "control" && shape[1] === 1 ? "curve" : null;
}

/**
 * The name of a row: `key_strength` with β is "key strength β", `write_gate` with g^w "write gate gʷ".
 *
 * @param {Stage} stage
 */
export function labelOf({ name, symbol }) {
  const raised = symbol.replace(/\^([arw])/, (_, letter) => RAISED[letter]);
  return `${name.replaceAll("_", " ")} ${raised}`.trimEnd();
}

/**
 * The axis of a scalar: its bounds where both are small, else up to its largest number; around 0
 * where it may be negative.
 *
 * @param {Stage} stage
 * @param {number} largest by size
 * @returns {[number, number]}
 */
export function axisOf({ bounds: [low, high] }, largest) {
  if (low === null || low < 0) return largest ? [-largest, largest] : [-1, 1];
  return [low, high !== null && high <= 1 ? high : Math.max(low + 1, largest)];
}
