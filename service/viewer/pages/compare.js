// @ts-check
// Two runs side by side, and their difference: where they part, and by how much at every stage.

import { askJson, query } from "../parts/api.js";
import { saved } from "./watch/downloads.js";
import { sentenceOf } from "../parts/changes.js";
import { fill, make, told } from "../parts/element.js";
import { HeatTrack } from "../parts/heat-track.js";
import { sequenceTracks, vectorTracks, weightingTrack } from "./watch/overview.js";
import { bare } from "../parts/run.js";
import { TrackStack } from "../parts/track-stack.js";
import { answersTable, tracksOfKinds } from "./kinds.js";

const ROUNDING = 1e-3; // what two engines may differ by in a stage without having parted

/** @typedef {import("../parts/run.js").Run} Run */
/** @typedef {import("../parts/track.js").Track} Track */

export class Compare extends HTMLElement {
  /**
   * @param {import("../parts/place.js").Place} place
   * @param {import("../parts/palette.js").Palette} palette
   */
  constructor(place, palette) {
    super();
    this.place = place;
    this.palette = palette;
    /** @type {TrackStack[]} */
    this.stacks = [];
  }

  end() {
    for (const stack of this.stacks) stack.end();
    this.stacks = [];
    fill(this);
  }

  /**
   * @param {Run} left
   * @param {Run} right
   */
  async show(left, right) {
    this.end();
    fill(this, make("p", { class: "loading", role: "status" }, "Comparing the two runs…"));
    const tolerance = left.facts.engine === right.facts.engine ? 0 : ROUNDING;
    const difference = await askJson(`trace/${left.trace}/difference/${right.trace}?${query({ tolerance })}`);
    const first = difference.first;
    const marks = first ? [{ step: first.step, name: "part here" }] : [];
    const steps = Math.max(left.steps, right.steps); // one time axis for all three
    if (left.signature.architecture !== right.signature.architecture) {
      fill(this, this.headline(difference, left, right), ...this.kinds(difference, [left, right], steps), this.table(difference));
      return;
    }
    const colours = `${this.palette.look.dark ? "orange" : "red"}: A is larger; blue: B is larger`;
    const columns = [
      this.columnOf(`A · ${left.name}`, changesOf(left), tracksOf(left, left, right), left, steps, marks),
      this.columnOf(`B · ${right.name}`, changesOf(right), tracksOf(right, left, right), right, steps, marks),
      this.columnOf("A − B", colours, differences(left, right), left, steps, marks),
    ];
    fill(this, this.headline(difference, left, right), make("div", { class: "columns" }, ...columns), this.table(difference));
  }

  /**
   * Two architectures, one above the other.
   *
   * @param {any} difference
   * @param {Run[]} runs
   * @param {number} steps
   * @returns {HTMLElement[]}
   */
  kinds({ answers }, runs, steps) {
    const heads = answers?.heads ?? runs.map((run) => run.heads.find((head) => head.startsWith("read")) ?? "");
    const title = runs.map((run, i) => `${"AB"[i]} · ${run.name}`).join(", ");
    const column = this.columnOf(title, runs.map(changesOf).join("; "), tracksOfKinds(runs, heads), runs[0], steps, []);
    column.classList.add("kinds");
    return answers ? [column, answersTable(answers, runs, (step) => this.place.go({ step }))] : [column];
  }

  /**
   * @param {string} title
   * @param {string} note
   * @param {Track[]} tracks
   * @param {Run} run
   * @param {number} steps
   * @param {{step: number, name: string}[]} marks
   */
  columnOf(title, note, tracks, run, steps, marks) {
    const facts = { steps, phases: run.facts.phases ?? [], marks };
    const stack = new TrackStack(tracks, facts, this.place, this.palette);
    stack.classList.add("narrow");
    this.stacks.push(stack);
    return make("section", { class: "column" }, make("h3", {}, title), make("p", { class: "note" }, note), stack);
  }

  /**
   * @param {any} difference
   * @param {Run} left
   * @param {Run} right
   */
  headline(difference, left, right) {
    const { first, changed_bits: bits } = difference;
    const scored = left.wrongBits() === null || right.wrongBits() === null ? "" : ` A: ${left.score().text}; B: ${right.score().text}.`;
    const rounding = difference.tolerance ? ` They were computed by two engines (${left.facts.engine}, ${right.facts.engine}): less than ${told(difference.tolerance)} counts as rounding.` : "";
    const same = difference.tolerance ? "The two runs are the same but for rounding." : "The two runs are the same, bit for bit.";
    const to = () => this.place.go({ step: first.step });
    const swap = () => this.place.go({ trace: right.trace, other: left.trace });
    const name = left.signature.architecture === right.signature.architecture ? "difference" : "compare";
    const save = (/** @type {string} */ format) =>
      saved(`trace/${left.trace}?figure=${name}&other=${right.trace}&format=${format}`, `${left.trace}-${right.trace}.${format}`);
    const open = (/** @type {Run} */ run) => () => this.place.go({ view: "watch", trace: run.trace, other: null });
    return make(
      "div",
      { class: "headline" },
      first
        ? make("p", { class: "said" }, "They part at ", make("button", { type: "button", class: "link", on: { click: to } }, `step ${first.step}`), ` (${first.stages.slice(0, 2).join(", ")}). ${outputsInWords(bits.count, left, right)}${scored}${rounding}`)
        : make("p", { class: "said" }, `${same}${scored}${rounding}`),
      make(
        "div",
        { class: "line" },
        make("button", { type: "button", on: { click: open(left) } }, "Watch A"),
        make("button", { type: "button", on: { click: open(right) } }, "Watch B"),
        make("button", { type: "button", on: { click: swap } }, "Swap"),
        ...["png", "svg"].map((format) =>
          make("button", { type: "button", on: { click: () => save(format) } }, `${name === "compare" ? "Comparison" : "Difference"} as ${format.toUpperCase()}`),
        ),
      ),
    );
  }

  /** @param {any} difference */
  table(difference) {
    const link = (/** @type {number | null} */ step) =>
      step === null ? "–" : make("button", { type: "button", class: "link", on: { click: () => this.place.go({ step }) } }, `step ${step}`);
    const rows = difference.stages.map((/** @type {any} */ stage) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, stage.stage),
        make("td", {}, link(stage.first_step)),
        make("td", { class: "number" }, told(stage.maximum)),
        make("td", {}, link(stage.maximum_step)),
        make("td", { class: "number" }, told(stage.mean)),
      ),
    );
    const heads = ["stage, in the order of computation", "parts at", "largest |A − B|", "found at", "mean |A − B|"];
    return make(
      "details",
      { class: "stages-table", open: true },
      make("summary", {}, "Every stage in numbers"),
      make(
        "div",
        { class: "scroll", tabIndex: 0, role: "region", "aria-label": "differences by stage" },
        make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col", class: head.includes("|") ? "number" : "" }, head)))), make("tbody", {}, ...rows)),
      ),
    );
  }
}

/**
 * How many outputs went to the other side of one half: of those that the target asks for, as the
 * score counts them, and of all.
 *
 * @param {number} all counted by the service over all steps
 * @param {Run} left
 * @param {Run} right
 * @returns {string}
 */
export function outputsInWords(all, left, right) {
  if (left.predicts) return `${all} predictions are on the other side of one half.`;
  const asked = left.bitsApart(right);
  if (asked === null) return `${all} output bits differ; no target says which are asked for.`;
  const steps = Math.min(left.steps, right.steps);
  const held = steps < Math.min(left.facts.steps, right.facts.steps) ? ` in the first ${steps} steps` : "";
  return `Of the output bits that the target asks for, ${asked || "none"} ${asked > 1 ? "differ" : "differs"}${held}; of all, ${all}.`;
}

/** @param {Run} run */
function changesOf(run) {
  const items = run.facts.interventions ?? [];
  return items.length ? items.map((/** @type {any} */ item) => sentenceOf(/** @type {any} */ (bare(item)))).join("; ") : "as it was";
}

/**
 * @param {Run} run
 * @param {Run} left whose slots are shown
 * @param {Run} right
 */
function tracksOf(run, left, right) {
  return [
    ...sequenceTracks(run, run === left ? right : left).filter((track) => track.facts.id !== "target"),
    ...run.heads.flatMap((head) => [weightingTrack(run, head, shownOf(run, left)), ...vectorTracks(run, head, [left, right])]),
  ];
}

/**
 * @param {Run} a
 * @param {Run} b
 */
function shownOf(a, b) {
  return a.slots === b.slots && (a === b || a.used.count <= b.used.count) ? b.used : { first: 0, count: a.slots };
}

/**
 * @param {Run} left
 * @param {Run} right
 */
function differences(left, right) {
  const others = tracksOf(right, left, right);
  return tracksOf(left, left, right).map((track, i) => {
    const mine = /** @type {HeatTrack} */ (track);
    const plane = mine.heat.plane.minus(/** @type {HeatTrack} */ (others[i]).heat.plane);
    const largest = plane.largest();
    // What is only rounding is not blown up to look like a difference.
    const high = largest > 0.01 ? largest : Math.max(mine.heat.scale.high, 1e-6);
    const note = !largest ? "the same" : largest === high ? `±${told(high)}` : `±${told(high)}, largest ${told(largest)}`;
    return new HeatTrack(
      { ...mine.facts, id: `difference.${mine.facts.id}`, note },
      { ...mine.heat, plane, scale: { signed: true, high }, map: "difference", pool: "largest", isWrong: undefined, peaks: false },
    );
  });
}

customElements.define("ntm-compare", Compare);
