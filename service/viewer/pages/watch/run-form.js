// @ts-check
// Which model to run on what: an example of its task, or bits drawn by hand.

import { askJson, query, send } from "../../parts/api.js";
import { BitsEditor } from "../../parts/bits-editor.js";
import { fill, make } from "../../parts/element.js";
import { sentenceOfTask } from "../../parts/tasks.js";

const BLANK_STEPS = 20;

/** Tells `ran` events with the answer of POST /predict. */
export class RunForm extends HTMLElement {
  constructor() {
    super();
    /** @type {any[]} */
    this.models = [];
    /** @type {any} the example that is being edited */
    this.example = null;
    /** @type {any} what is run, and drawn on, where there are no examples */
    this.blank = null;
    this.model = make("select", { id: "run-model" });
    this.version = make("select", { id: "run-version" });
    this.sizes = make("div", { class: "fields sizes" });
    this.seed = make("input", { id: "run-seed", type: "number", min: "0", value: "1", class: "small" });
    this.slots = make("input", { id: "run-slots", type: "number", min: "1", class: "small", placeholder: "auto" });
    this.go = make("button", { type: "submit", class: "primary" }, "Run");
    this.edit = make("button", { type: "button", "aria-expanded": "false" }, "Draw the input…");
    this.editor = new BitsEditor();
    this.keep = make("input", { type: "checkbox", id: "keep-target", checked: true });
    this.panel = make(
      "div",
      { class: "editor", hidden: true },
      this.editor,
      make("label", { class: "check" }, this.keep, "compare the outputs with the example’s target, although the input may have been changed"),
    );
    this.sentence = make("p", { class: "note" });
    this.error = make("p", { class: "error", role: "alert", hidden: true });
    const field = (/** @type {string} */ name, /** @type {HTMLElement} */ input) =>
      make("div", { class: "field" }, make("label", { for: input.id }, name), input);
    this.form = make(
      "form",
      {},
      make(
        "div",
        { class: "fields" },
        field("model", this.model),
        field("version", this.version),
        this.sizes,
        field("seed", this.seed),
        field("memory slots", this.slots),
        make("div", { class: "buttons" }, this.go, this.edit),
      ),
      this.sentence,
      this.panel,
      this.error,
    );
    this.append(this.form);
    this.model.addEventListener("change", () => this.chooseModel());
    this.version.addEventListener("change", () => this.showSizes());
    this.sizes.addEventListener("change", () => this.refresh());
    this.seed.addEventListener("change", () => this.refresh());
    this.edit.addEventListener("click", () => this.toggle());
    this.editor.addEventListener("change", () => (this.edited = true));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
  }

  edited = false;

  /** @param {any[]} models of GET /models */
  async setModels(models) {
    this.models = models;
    const names = models.map((model) => model.name);
    fill(this.model, ...names.map((name) => make("option", { value: name }, name)));
    if (names.includes("copy")) this.model.value = "copy";
    if (this.followed) await this.follow(this.followed);
    else await this.chooseModel();
  }

  /** @type {{model: string, version: number} | null} */
  followed = null;

  /**
   * Names the model of the run that is shown, if it is still served.
   *
   * @param {{model: string, version: number}} run
   */
  async follow(run) {
    this.followed = run;
    const model = this.models.find((each) => each.name === run.model);
    const isShown = this.model.value === run.model && this.version.value === String(run.version);
    if (!model?.versions.includes(run.version) || isShown) return;
    this.model.value = run.model;
    await this.chooseModel(run.version);
  }

  /** @param {number} [version] by default the newest */
  async chooseModel(version) {
    const model = this.models.find((each) => each.name === this.model.value);
    if (!model) return;
    fill(this.version, ...model.versions.toReversed().map((/** @type {number} */ number) => make("option", { value: String(number) }, String(number))));
    if (version !== undefined) this.version.value = String(version);
    this.slots.value = "";
    this.sentence.textContent = sentenceOfTask(model.task);
    await this.showSizes();
  }

  /** The task's sizes as fields. */
  async showSizes() {
    try {
      const told = await askJson(`models/${this.model.value}?${query({ version: this.version.value })}`);
      fill(
        this.sizes,
        ...Object.entries(told.example_sizes).map(([name, size]) =>
          make(
            "div",
            { class: "field", title: size.meaning },
            make("label", { for: `size-${name}` }, name),
            make("input", { id: `size-${name}`, name, type: "number", min: String(size.low), max: String(size.high), value: String(size.default), class: "small", required: true }),
          ),
        ),
      );
      const zeros = Array.from({ length: BLANK_STEPS }, () => Array(told.input_size).fill(0));
      this.blank = { model: told.name, version: told.version, sequence: zeros };
      const fixed = told.signature.fixed_slots;
      this.slots.disabled = fixed !== null;
      this.slots.placeholder = fixed === null ? `auto, ${told.memory_slots}` : fixed ? `${fixed}, fixed` : "none";
      await this.refresh();
    } catch (error) {
      this.tell(/** @type {Error} */ (error).message);
    }
  }

  /** @returns {Promise<any>} a request for an example with these sizes; zeros where the task is not known */
  async fetchExample() {
    /** @type {Record<string, string>} */
    const sizes = {};
    for (const input of this.sizes.querySelectorAll("input")) sizes[input.name] = input.value;
    if (!Object.keys(sizes).length) return this.blank;
    const asked = query({ version: this.version.value, seed: this.seed.value, ...sizes });
    return askJson(`models/${this.model.value}/example?${asked}`);
  }

  /** Another example in the editor, if it is open. */
  async refresh() {
    this.edited = false;
    this.example = null;
    if (this.panel.hidden) return;
    try {
      this.example = await this.fetchExample();
      this.editor.set(this.example.sequence);
      this.tell("");
    } catch (error) {
      this.tell(/** @type {Error} */ (error).message);
    }
  }

  async toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.edit.setAttribute("aria-expanded", String(!this.panel.hidden));
    this.edit.textContent = this.panel.hidden ? "Draw the input…" : "Close the drawing";
    if (!this.panel.hidden) await this.refresh();
  }

  async run() {
    this.go.disabled = true;
    this.go.textContent = "Running…";
    try {
      const body = { ...(this.example ?? (await this.fetchExample())) };
      if (this.slots.value) body.memory_slots = Number(this.slots.value);
      if (this.example) {
        body.sequence = this.editor.sequence;
        const fits = body.target?.length === body.sequence.length;
        if (this.edited && !(this.keep.checked && fits)) delete body.target;
      }
      const answer = await send("predict", body);
      this.tell("");
      this.dispatchEvent(new CustomEvent("ran", { detail: answer }));
    } catch (error) {
      this.tell(/** @type {Error} */ (error).message);
    } finally {
      this.go.disabled = false;
      this.go.textContent = "Run";
    }
  }

  /** @param {string} message empty if there is none */
  tell(message) {
    this.error.hidden = !message;
    this.error.textContent = message;
  }
}

customElements.define("ntm-run-form", RunForm);
