// @ts-check
// The whole run on one time axis: what went in, what came out, where every head looked and why.

import { CurveTrack } from "../../parts/curve-track.js";
import { told } from "../../parts/element.js";
import { HeatTrack } from "../../parts/heat-track.js";
import { headOf } from "../../parts/run.js";
import { sequenceTrack } from "../../parts/sequence-track.js";

/** @typedef {import("../../parts/run.js").Run} Run */
/** @typedef {import("../../parts/plane.js").Plane} Plane */
/** @typedef {import("../../parts/track.js").Track} Track */

/**
 * The tracks of a run, from top to bottom.
 *
 * @param {Run} run
 * @param {"used" | "all"} slots
 * @returns {Track[]}
 */
export function tracksOf(run, slots) {
  const shown = slots === "all" ? { first: 0, count: run.slots } : run.used;
  return [
    ...sequenceTracks(run),
    ...run.heads.flatMap((head) => [weightingTrack(run, head, shown), vectorTrack(run, head)]),
    ...curveTracks(run),
  ];
}

/**
 * What goes in, what comes out and what should.
 *
 * @param {Run} run
 * @param {Run} [other] whose numbers are to have the same colours
 * @returns {HeatTrack[]}
 */
export function sequenceTracks(run, other = run) {
  /** @type {HeatTrack[]} */
  const tracks = [];
  for (const [id, name] of [
    ["inputs", "input"],
    ["outputs", "output"],
    ["target", "target"],
  ]) {
    const plane = run.plane(id);
    if (!plane) continue;
    const alike = id === "inputs" ? ["inputs"] : ["outputs", "target"];
    const beside = [run, other].flatMap((each) => alike.map((one) => each.plane(one)).filter((one) => one !== null));
    const isOutput = id === "outputs";
    const isWrong =
      isOutput && !run.predicts
        ? (/** @type {number} */ step, /** @type {number} */ bit) => run.isWrong(step, bit)
        : undefined;
    const noun = !isOutput ? null : run.predicts ? "probability" : "bit";
    tracks.push(sequenceTrack({ id, name, steps: run.steps, plane, beside, noun, isWrong }));
  }
  return tracks;
}

/**
 * @param {Run} run
 * @param {string} head
 * @param {{first: number, count: number}} shown slots
 * @returns {HeatTrack}
 */
export function weightingTrack(run, head, shown) {
  const note = slotsNote(shown, run.slots);
  return new HeatTrack(
    { id: head, name: `${head} weighting`, note, steps: run.steps, height: 104 },
    {
      plane: run.weighting(head),
      rowName: "slot",
      scale: { signed: false, high: 1 },
      map: "values",
      pool: "largest",
      shown,
      peaks: true,
    },
  );
}

/**
 * @param {{first: number, count: number}} shown
 * @param {number} slots N
 * @returns {string} which slots are drawn
 */
export function slotsNote(shown, slots) {
  return shown.count < slots ? `slots ${rangeOf(shown, slots)} of ${slots}` : `slots 0–${slots - 1}`;
}

/**
 * @param {{first: number, count: number}} shown
 * @param {number} slots
 */
export function rangeOf({ first, count }, slots) {
  const last = (first + count - 1) % slots;
  return `${(first + slots) % slots}–${last}`;
}

/**
 * What a write head adds, or a read head reads.
 *
 * @param {Run} run
 * @param {string} head
 * @param {number} [high] the number of the last colour; by default the largest one
 * @returns {HeatTrack}
 */
export function vectorTrack(run, head, high = vectorsOf(run, head).largest()) {
  const { kind } = headOf(head);
  const plane = vectorsOf(run, head);
  return new HeatTrack(
    {
      id: `${head}.vector`,
      name: kind === "write" ? `${head} adds` : `${head} reads`,
      note: `${run.width} columns, ±${told(Number(high.toPrecision(2)))}`,
      steps: run.steps,
      height: 56,
    },
    { plane, rowName: "column", scale: { signed: true, high }, map: "signed", pool: "mean" },
  );
}

/**
 * @param {Run} run
 * @param {string} head
 * @returns {Plane} what it adds or reads, [T, M]
 */
export function vectorsOf(run, head) {
  const { kind, number } = headOf(head);
  return run.planeOf(kind === "write" ? "writes.add" : "reads", number);
}

/**
 * Gate, key strength, shift and sharpening of all heads.
 *
 * @param {Run} run
 * @returns {CurveTrack[]}
 */
export function curveTracks(run) {
  const reach = Math.max(...run.shifts.map(Math.abs));
  const rows = /** @type {[any, string, string, [number, number] | null][]} */ ([
    ["gate", "gate g", "0 keeps, 1 jumps", [0, 1]],
    ["key_strength", "key strength β", "how sharply content matches", null],
    ["shift", "shift s", "expected, in slots", [-reach, reach]],
    ["sharpening", "sharpening γ", "1 leaves as it is", null],
  ]);
  return rows.map(([control, name, note, bounds]) => {
    const planes = run.heads.map((head) => run.control(head, control));
    const curves = run.heads.map((head, i) => ({
      name: head,
      at: (/** @type {number} */ step) =>
        control === "shift" ? expected(planes[i].row(step), run.shifts) : planes[i].at(step, 0),
    }));
    const low = control === "sharpening" ? 1 : 0;
    const high = Math.max(low + 1, ...planes.map((plane) => plane.largest()));
    const facts = { id: control, name, note, steps: run.steps, height: 48 };
    return new CurveTrack(facts, curves, bounds ?? [low, high]);
  });
}

/**
 * @param {ArrayLike<number>} weights
 * @param {number[]} shifts
 * @returns {number} by how many slots the focus moves on average
 */
export function expected(weights, shifts) {
  return shifts.reduce((sum, shift, i) => sum + shift * weights[i], 0);
}
