// @ts-check
// The changes that one has made, and the button that runs with them.

import { sentenceOf } from "../../parts/changes.js";
import { fill, make } from "../../parts/element.js";

/** Tells `rerun` events. */
export class WhatIf extends HTMLElement {
  /**
   * @param {import("../../parts/changes.js").Changes} changes
   * @param {import("../../parts/place.js").Place} place
   */
  constructor(changes, place) {
    super();
    this.changes = changes;
    this.place = place;
    /** @type {import("../../parts/run.js").Run | null} */
    this.run = null;
    this.head = () => "read.0";
    this.list = make("ol", { class: "changes" });
    this.empty = make("p", { class: "note" }, "Drag a control of a stage, ablate the head, or change a cell: double click or press Enter on a bit of the input or on a cell of the memory.");
    this.scope = make(
      "select",
      { id: "scope" },
      make("option", { value: "step" }, "at this step"),
      make("option", { value: "on" }, "from this step on"),
      make("option", { value: "all" }, "at every step"),
    );
    const button = (/** @type {string} */ text, /** @type {() => void} */ click, kind = "") =>
      make("button", { type: "button", class: kind, on: { click } }, text);
    this.ablate = button("Ablate the head", () =>
      this.changes.put({ steps: this.steps(), head: this.head(), set: this.run?.ablation(this.head()) ?? {} }),
    );
    this.undo = button("Undo", () => changes.undo());
    this.clear = button("Clear", () => changes.clear());
    this.rerun = button("Run again with this", () => this.dispatchEvent(new Event("rerun")), "primary");
    this.error = make("p", { class: "error", role: "alert", hidden: true });
    this.cell = make("form", { class: "cell-form", hidden: true });
    this.append(
      make("div", { class: "line" }, make("label", { for: "scope" }, "Changes hold"), this.scope, this.ablate),
      this.cell,
      this.empty,
      this.list,
      make("div", { class: "line" }, this.rerun, this.undo, this.clear),
      this.error,
    );
    changes.addEventListener("change", () => this.show());
    this.show();
  }

  /** @param {import("../../parts/run.js").Run} run */
  setRun(run) {
    this.run = run;
    this.ablate.hidden = !run.heads.some((head) => run.ablation(head));
  }

  /** @returns {number | string} the steps that a change is to hold for */
  steps() {
    const step = Math.min(this.place.spot.step, (this.run?.steps ?? 1) - 1);
    return { step, on: `${step}:`, all: ":" }[this.scope.value] ?? step;
  }

  show() {
    const { items, past } = this.changes;
    this.empty.hidden = items.length > 0;
    this.rerun.disabled = !items.length;
    this.undo.disabled = !past.length;
    this.clear.disabled = !items.length;
    fill(
      this.list,
      ...items.map((item) =>
        make(
          "li",
          {},
          sentenceOf(item),
          make("button", { type: "button", class: "icon", "aria-label": `remove: ${sentenceOf(item)}`, on: { click: () => this.changes.remove(item) } }, "×"),
        ),
      ),
    );
  }

  /**
   * Asks for the new value of a memory cell.
   *
   * @param {{slot: number, column: number, row: number[], step: number}} cell
   */
  askCell({ slot, column, row, step }) {
    const name = `Memory at step ${step}, slot ${slot}, column ${column}`;
    this.askNumber(name, row[column], (number) =>
      this.changes.put({ steps: step, slot, set: { memory: row.toSpliced(column, 1, number) } }),
    );
  }

  /**
   * Asks for a number in the place of another.
   *
   * @param {string} name
   * @param {number} value
   * @param {(number: number) => void} put takes the new one
   */
  askNumber(name, value, put) {
    const input = make("input", { type: "number", step: "any", required: true, value: String(Number(value.toPrecision(6))) });
    const close = () => (this.cell.hidden = true);
    fill(
      this.cell,
      make("label", {}, `${name} `, input),
      make("button", { type: "submit" }, "Change"),
      make("button", { type: "button", on: { click: close } }, "Leave it"),
    );
    this.cell.hidden = false;
    this.cell.onsubmit = (event) => {
      event.preventDefault();
      put(Number(input.value));
      close();
    };
    input.focus();
    input.select();
  }

  /** @param {string} message empty if there is none */
  tell(message) {
    this.error.hidden = !message;
    this.error.textContent = message;
  }
}

customElements.define("ntm-what-if", WhatIf);
