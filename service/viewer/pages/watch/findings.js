// @ts-check
// What is odd about a run, as a list that jumps to the steps.

import { askJson } from "../../parts/api.js";
import { fill, make } from "../../parts/element.js";

/** @typedef {import("../../parts/run.js").Run} Run */

const MOST = 8; // stretches of a finding that get a button

export class Findings extends HTMLElement {
  /** @param {import("../../parts/place.js").Place} place */
  constructor(place) {
    super();
    this.place = place;
    this.trace = "";
  }

  /** @param {Run} run */
  async setRun(run) {
    this.trace = run.trace;
    if (!run.heads.length) {
      fill(this, make("p", { class: "note" }, "This model has no heads: there is nothing that they could do oddly."));
      return;
    }
    fill(this, make("p", { class: "loading", role: "status" }, "Looking for what is odd…"));
    try {
      const { findings } = await askJson(`trace/${run.trace}/findings`);
      if (this.trace === run.trace) this.show(findings);
    } catch (error) {
      if (this.trace !== run.trace) return;
      const again = make("button", { type: "button", on: { click: () => this.setRun(run) } }, "Try again");
      fill(this, make("p", { class: "error", role: "alert" }, `The findings could not be had: ${/** @type {Error} */ (error).message} `), again);
    }
  }

  /** @param {any[]} findings */
  show(findings) {
    if (!findings.length) {
      fill(this, make("p", { class: "note" }, "Nothing odd: every head is focused and moves, and what is written is read."));
      return;
    }
    fill(this, make("ul", { class: "findings" }, ...findings.map((finding) => this.itemOf(finding))));
  }

  /** @param {any} finding */
  itemOf(finding) {
    const jumps = finding.steps.slice(0, MOST).map((/** @type {[number, number]} */ [a, b]) => {
      const to = () => this.place.go({ step: a, head: finding.head ?? this.place.spot.head });
      const name = b === a + 1 ? `step ${a}` : `steps ${a}–${b - 1}`;
      return make("button", { type: "button", class: "link", on: { click: to } }, name);
    });
    const more = finding.steps.length - jumps.length;
    return make(
      "li",
      {},
      make("strong", { title: finding.definition }, finding.slug.replaceAll("_", " ")),
      make("span", { class: "sentence" }, finding.sentence),
      make("span", { class: "jumps" }, ...jumps, more > 0 && make("span", { class: "note" }, `and ${more} more`)),
    );
  }
}

customElements.define("ntm-findings", Findings);
