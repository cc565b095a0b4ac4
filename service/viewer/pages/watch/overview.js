// @ts-check
// The whole run on one time axis: what went in, what came out, where every head looked and why.

import { noteOf } from "../../architectures/notes.js";
import { CurveTrack } from "../../parts/curve-track.js";
import { told } from "../../parts/element.js";
import { HeatTrack } from "../../parts/heat-track.js";
import { headOf } from "../../parts/run.js";
import { sequenceTrack } from "../../parts/sequence-track.js";
import { SharesTrack } from "../../parts/shares-track.js";
import { axisOf, belongsTo, labelOf, rowsOf, tensorOf, vectorsOf } from "../../parts/stages.js";

/** @typedef {import("../../parts/run.js").Run} Run */
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
    ...run.heads.flatMap((head) => [weightingTrack(run, head, shown), ...vectorTracks(run, head)]),
    ...stageTracks(run, shown),
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
 * @param {Run[]} beside runs whose numbers are to have the same colours
 * @returns {HeatTrack[]} one a vector
 */
export function vectorTracks(run, head, beside = [run]) {
  const { kind } = headOf(head);
  const stages = vectorsOf(run.signature, kind);
  return stages.map((stage, i) => {
    const plane = run.stage(head, stage);
    const high = Math.max(...beside.map((each) => each.stage(head, stage).largest()));
    return new HeatTrack(
      {
        id: i ? `${head}.${stage.name}` : `${head}.vector`,
        name: stages.length > 1 ? `${head} ${stage.name}` : kind === "write" ? `${head} adds` : `${head} reads`,
        note: `${plane.rows} columns, ±${told(Number(high.toPrecision(2)))}`,
        steps: run.steps,
        height: 56,
      },
      { plane, rowName: "column", scale: { signed: true, high }, map: "signed", pool: "mean" },
    );
  });
}

/**
 * The rows below those of the heads, from the table of stages.
 *
 * @param {Run} run
 * @param {{first: number, count: number}} shown slots
 * @returns {Track[]}
 */
export function stageTracks(run, shown) {
  return rowsOf(run.signature).flatMap(({ stage, draw }) => {
    const heads = run.heads.filter((head) => belongsTo(stage, headOf(head).kind));
    /** @type {Track[]} */
    const none = [];
    if (draw === "slots") return [...none, ...slotsTracks(run, stage, shown)];
    if (draw === "shares") return [...none, ...heads.map((head) => sharesTrack(run, stage, head))];
    return heads.length ? [...none, curveTrack(run, stage, heads, draw)] : none;
  });
}

/**
 * A number of every head; of a shift the expected one.
 *
 * @param {Run} run
 * @param {import("../../parts/stages.js").Stage} stage
 * @param {string[]} heads
 * @param {"curve" | "shift"} draw
 * @returns {CurveTrack}
 */
function curveTrack(run, stage, heads, draw) {
  const planes = heads.map((head) => run.stage(head, stage));
  const curves = heads.map((head, i) => ({
    name: head,
    line: run.heads.indexOf(head),
    at: (/** @type {number} */ step) =>
      draw === "shift" ? expected(planes[i].row(step), run.shifts) : planes[i].at(step, 0),
  }));
  const reach = Math.max(...run.shifts.map(Math.abs));
  const bounds = draw === "shift" ? /** @type {[number, number]} */ ([-reach, reach]) : axisOf(stage, Math.max(...planes.map((plane) => plane.largest())));
  const note = noteOf(run.signature.architecture, stage.name) ?? `${told(bounds[0])} to ${told(bounds[1])}`;
  return new CurveTrack({ id: stage.name, name: labelOf(stage), note, steps: run.steps, height: 48 }, curves, bounds);
}

/**
 * @param {Run} run
 * @param {import("../../parts/stages.js").Stage} stage a distribution over a few choices
 * @param {string} head
 * @returns {SharesTrack}
 */
function sharesTrack(run, stage, head) {
  const plane = run.stage(head, stage);
  const names = stage.choices.length ? stage.choices : Array.from({ length: plane.rows }, (_, choice) => String(choice));
  const facts = { id: `${head}.${stage.name}`, name: `${head} ${labelOf(stage)}`, note: "shares that sum to 1", steps: run.steps, height: 48 };
  return new SharesTrack(facts, plane, names);
}

/**
 * @param {Run} run
 * @param {import("../../parts/stages.js").Stage} stage a number of every slot
 * @param {{first: number, count: number}} shown slots
 * @returns {HeatTrack[]}
 */
function slotsTracks(run, stage, shown) {
  const plane = run.plane(tensorOf(stage, "read"));
  if (!plane) return [];
  const facts = { id: `memory.${stage.name}`, name: labelOf(stage), note: slotsNote(shown, run.slots), steps: run.steps, height: 72 };
  return [new HeatTrack(facts, { plane, rowName: "slot", scale: { signed: false, high: 1 }, map: "values", pool: "largest", shown })];
}

/**
 * @param {ArrayLike<number>} weights
 * @param {number[]} shifts
 * @returns {number} by how many slots the focus moves on average
 */
export function expected(weights, shifts) {
  return shifts.reduce((sum, shift, i) => sum + shift * weights[i], 0);
}
