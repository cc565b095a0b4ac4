// @ts-check
// The traces that the service keeps, newest first, by model and by what one remembers of the id.

import { ask, askJson, query } from "../parts/api.js";
import { fill, make } from "../parts/element.js";

const PAGE = 25;

export class Traces extends HTMLElement {
  /** @param {import("../parts/place.js").Place} place */
  constructor(place) {
    super();
    this.place = place;
    this.model = make("select", { id: "traces-model", on: { change: () => this.load() } });
    this.text = make("input", { id: "traces-text", type: "search", placeholder: "id, steps or slots", on: { input: () => this.filter() } });
    this.error = make("p", { class: "error", role: "alert" });
    this.body = make("div", {});
    this.append(
      make(
        "div",
        { class: "line" },
        make("label", { for: "traces-model" }, "Model"),
        this.model,
        make("label", { for: "traces-text" }, "Filter"),
        this.text,
        make("button", { type: "button", on: { click: () => this.load() } }, "Refresh"),
      ),
      this.error,
      this.body,
    );
    /** @type {any[]} */
    this.traces = [];
    /** @type {string | null} */
    this.next = null;
  }

  /** @param {string[]} models */
  setModels(models) {
    fill(this.model, make("option", { value: "" }, "all"), ...models.map((name) => make("option", { value: name }, name)));
  }

  /** @param {string | null} cursor of the page to add; none begins anew */
  async load(cursor = null) {
    this.tell("");
    if (!cursor) fill(this.body, make("p", { class: "loading", role: "status" }, "Loading…"));
    try {
      const told = await askJson(`trace?${query({ model: this.model.value || null, limit: PAGE, cursor })}`);
      this.traces = cursor ? [...this.traces, ...told.traces] : told.traces;
      this.next = told.next;
      this.show();
    } catch (error) {
      fill(this.body, make("p", { class: "error", role: "alert" }, `The list could not be had: ${/** @type {Error} */ (error).message} Refresh tries again.`));
    }
  }

  /** @param {string} message empty if there is none */
  tell(message) {
    this.error.textContent = message;
  }

  show() {
    if (!this.traces.length) {
      fill(this.body, make("p", { class: "empty" }, "No traces yet. Run an example on the Watch page: every run leaves one."));
      return;
    }
    const heads = ["trace", "model", "steps", "slots", "when", ""];
    const table = make(
      "table",
      {},
      make("thead", {}, make("tr", {}, ...heads.map((head) => (head ? make("th", { scope: "col" }, head) : make("td", {}))))),
      make("tbody", {}, ...this.traces.map((trace) => this.rowOf(trace))),
    );
    const older = this.next && make("button", { type: "button", on: { click: () => this.load(this.next) } }, "Older ones");
    fill(this.body, make("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "table of traces" }, table), older);
    this.filter();
  }

  /** @param {any} trace */
  rowOf(trace) {
    const { trace_id: id } = trace;
    const open = () => this.place.go({ view: "watch", trace: id, other: null, step: 0, range: null });
    const compare = () => this.place.go({ view: "compare", other: id });
    const current = this.place.spot.trace;
    const button = (/** @type {string} */ text, /** @type {() => void} */ click) =>
      make("button", { type: "button", on: { click }, "aria-label": `${text} ${id}` }, text);
    const row = make(
      "tr",
      { "data-text": `${id} ${trace.model} ${trace.steps} ${trace.memory_slots}` },
      make("th", { scope: "row" }, make("button", { type: "button", class: "link mono", on: { click: open } }, id)),
      make("td", {}, `${trace.model}/${trace.version}`),
      make("td", { class: "number", "data-unit": "steps" }, String(trace.steps)),
      make("td", { class: "number", "data-unit": "slots" }, String(trace.memory_slots)),
      make("td", {}, new Date(trace.created_at * 1000).toLocaleString()),
      make("td", {}, current && current !== id && button("Compare", compare), button("Delete", () => this.forget(id))),
    );
    if (current === id) row.setAttribute("aria-current", "true");
    return row;
  }

  /** @param {string} id */
  async forget(id) {
    if (!window.confirm(`Delete trace ${id}? It cannot be brought back.`)) return;
    try {
      await ask(`trace/${id}`, { method: "DELETE" });
    } catch (error) {
      this.tell(`Trace ${id} could not be deleted: ${/** @type {Error} */ (error).message}`);
      return;
    }
    await this.load();
  }

  filter() {
    const wanted = this.text.value.trim().toLowerCase();
    for (const row of this.body.querySelectorAll("tbody tr")) {
      const text = /** @type {HTMLElement} */ (row).dataset.text ?? "";
      /** @type {HTMLElement} */ (row).hidden = !text.includes(wanted);
    }
  }
}

customElements.define("ntm-traces", Traces);
