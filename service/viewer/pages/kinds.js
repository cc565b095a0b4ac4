// @ts-check
// Two architectures on one time axis: where the head that carries the answer looks, and which step
// wrote what it reads, in each.

import { HeatTrack } from "../parts/heat-track.js";
import { make, percent } from "../parts/element.js";
import { sequenceTracks, weightingTrack } from "./watch/overview.js";

/** @typedef {import("../parts/run.js").Run} Run */
/** @typedef {import("../parts/track.js").Track} Track */

/**
 * Where one run's answer at a step came from.
 *
 * @typedef {object} Source
 * @property {number} slot
 * @property {number} weight
 * @property {number | null} step
 * @property {number} share
 */

/**
 * @typedef {object} Answers
 * @property {string[]} heads
 * @property {{step: number, heard: number | null, sides: Source[]}[]} steps
 * @property {number} left_out
 */

/**
 * The tracks of both runs, a focus above the other's: slots of the same number, from where each
 * one's begin.
 *
 * @param {Run[]} runs
 * @param {string[]} heads that carry the answers; a run without heads has none
 * @returns {Track[]}
 */
export function tracksOfKinds(runs, heads) {
  const count = Math.max(...runs.map((run) => run.used.count));
  const [left, right] = runs;
  return [
    ...sequenceTracks(left, right).filter((track) => track.facts.id === "inputs"),
    ...runs.map((run, i) => renamed(outputsOf(run, runs[1 - i]), i)),
    ...runs.flatMap((run, i) => {
      if (!run.heads.includes(heads[i])) return [];
      const shown = { first: run.used.first, count: Math.min(count, run.slots) };
      return [renamed(weightingTrack(run, heads[i], shown), i)];
    }),
  ];
}

/**
 * @param {Run} run
 * @param {Run} other
 */
function outputsOf(run, other) {
  return /** @type {HeatTrack} */ (sequenceTracks(run, other).find((track) => track.facts.id === "outputs"));
}

/**
 * A track that says of which run it is.
 *
 * @param {HeatTrack} track
 * @param {number} i of the run
 * @returns {HeatTrack}
 */
function renamed(track, i) {
  const name = "AB"[i];
  return new HeatTrack({ ...track.facts, id: `${name}.${track.facts.id}`, name: `${name} · ${track.facts.name}` }, track.heat);
}

/**
 * @param {Answers} answers
 * @param {Run[]} runs
 * @param {(step: number) => void} go to a step
 * @returns {HTMLElement}
 */
export function answersTable(answers, runs, go) {
  const link = (/** @type {number | null} */ step) =>
    step === null ? "–" : make("button", { type: "button", class: "link", on: { click: () => go(step) } }, `step ${step}`);
  const rows = answers.steps.map(({ step, heard, sides }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, link(step)),
      make("td", {}, link(heard)),
      ...sides.flatMap((side) => [
        make("td", { class: "number" }, `${side.slot} (${percent(side.weight)})`),
        make("td", {}, link(side.step), ` ${percent(side.share)}`),
      ]),
    ),
  );
  const named = runs.flatMap((_, i) => [`${"AB"[i]} · ${answers.heads[i]} looks at slot`, `${"AB"[i]} · most of it was written at`]);
  const heads = ["answer", "heard at", ...named];
  const left = answers.left_out ? `, the first ${answers.steps.length} of them` : "";
  return make(
    "details",
    { class: "stages-table", open: true },
    make("summary", {}, `Where each answer comes from${left}`),
    make(
      "div",
      { class: "scroll", tabIndex: 0, role: "region", "aria-label": "where answers come from" },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))), make("tbody", {}, ...rows)),
    ),
  );
}
