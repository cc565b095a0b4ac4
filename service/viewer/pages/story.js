// @ts-check
// A story as slots: sentences to edit, the questions among them, and what every hop looked at.

import { askJson, send } from "../parts/api.js";
import { fill, make, percent } from "../parts/element.js";

const PATIENCE = 400; // ms after the last letter

/** @typedef {{sentence: string, number: number, weight: number}} Seen */
/** @typedef {{answer: string, probabilities: Record<string, number>, hops: Seen[][]}} Answer */
/** @typedef {{title: string, text: string[]}} Told */

/** A sentence or a question on the page; it stays the same one however it is edited. */
class Line {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    /** @type {Answer | null} */
    this.answer = null;
    this.before = ""; // the answer that the last change changed
  }

  get isQuestion() {
    return this.text.trimEnd().endsWith("?");
  }
}

export class Story extends HTMLElement {
  /** @param {import("../parts/palette.js").Palette} palette */
  constructor(palette) {
    super();
    this.palette = palette;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {Line | null} the question whose hops are shown */
    this.shown = null;
    /** @type {Told[]} */
    this.stories = [];
    this.asked = 0;
    this.isOpen = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.model = make("select", { id: "story-model", on: { change: () => this.open() } });
    this.story = make("select", { id: "story-story", on: { change: () => this.tell() } });
    this.error = make("p", { class: "error", role: "alert" });
    this.said = make("p", { class: "said", role: "status" });
    this.body = make("div", {});
    this.chances = make("div", {});
    this.append(
      make(
        "div",
        { class: "line" },
        make("label", { for: "story-model" }, "Model"),
        this.model,
        make("label", { for: "story-story" }, "Story"),
        this.story,
      ),
      this.body,
      make(
        "div",
        { class: "line" },
        make("button", { type: "button", on: { click: () => this.add("") } }, "Add a sentence"),
        make("button", { type: "button", on: { click: () => this.add("Where is ?") } }, "Add a question"),
      ),
      this.error,
      this.said,
      this.chances,
    );
    palette.addEventListener("change", () => this.shade());
  }

  /** @param {any[]} models of which those with a vocabulary can be told a story */
  setModels(models) {
    const names = models.filter((model) => model.vocabulary_size).map((model) => model.name);
    fill(this.model, ...names.map((name) => make("option", { value: name }, name)));
    return names.length > 0;
  }

  /** Shows the first story, once. */
  async begin() {
    if (this.isOpen || !this.model.value) return;
    this.isOpen = true;
    await this.open();
  }

  /** Offers the stories of the chosen model. */
  async open() {
    try {
      const facts = await askJson(`models/${encodeURIComponent(this.model.value)}`);
      this.stories = facts.stories;
    } catch (error) {
      this.error.textContent = /** @type {Error} */ (error).message;
      return;
    }
    fill(
      this.story,
      ...this.stories.map(({ title }, place) => make("option", { value: String(place) }, title)),
      make("option", { value: "" }, "one of your own"),
    );
    await this.tell();
  }

  /** Puts the chosen story on the page and asks it. */
  async tell() {
    const chosen = this.story.value === "" ? { text: ["", ""] } : this.stories[Number(this.story.value)];
    this.lines = chosen.text.map((text) => new Line(text));
    this.shown = null;
    this.show();
    await this.ask();
  }

  /** @param {string} text of a new last line */
  add(text) {
    const line = new Line(text);
    this.lines.push(line);
    this.show();
    this.fieldOf(line)?.focus();
  }

  /** @param {Line} line */
  cut(line) {
    const place = this.lines.indexOf(line);
    this.lines.splice(place, 1);
    this.show();
    const next = this.lines[Math.min(place, this.lines.length - 1)];
    if (next) this.fieldOf(next)?.focus();
    return this.ask();
  }

  /**
   * @param {Line} line
   * @param {number} by -1 for up, 1 for down
   */
  move(line, by) {
    const place = this.lines.indexOf(line);
    const to = place + by;
    if (to < 0 || to >= this.lines.length) return;
    this.lines.splice(place, 1);
    this.lines.splice(to, 0, line);
    this.show();
    this.fieldOf(line)?.focus();
    return this.ask();
  }

  /** @param {Line} line */
  fieldOf(line) {
    return /** @type {HTMLInputElement | undefined} */ (this.body.querySelectorAll("input")[this.lines.indexOf(line)]);
  }

  /** Asks once nobody has typed for a moment. */
  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PATIENCE);
  }

  /** Asks all questions again, of the lines as they are now. */
  async ask() {
    clearTimeout(this.timer);
    const lines = this.lines.filter((line) => line.text.trim());
    const questions = lines.filter((line) => line.isQuestion);
    const mine = ++this.asked;
    this.error.textContent = "";
    if (!questions.length) {
      this.said.textContent = "Add a question: a line that ends with a question mark.";
      fill(this.chances);
      return;
    }
    try {
      const body = { model: this.model.value, text: lines.map((line) => line.text), record: false };
      const told = await send("predict", body);
      if (mine !== this.asked) return;
      /** @type {Answer[]} */
      const answers = told.answers ?? [told];
      questions.forEach((line, place) => {
        const was = line.answer?.answer ?? "";
        line.answer = answers[place];
        line.before = was === line.answer.answer ? "" : was;
      });
    } catch (error) {
      if (mine === this.asked) this.error.textContent = /** @type {Error} */ (error).message;
      return;
    }
    for (const line of this.lines) if (!questions.includes(line)) line.answer = null;
    if (!this.shown?.answer || !this.lines.includes(this.shown)) this.shown = questions.at(-1) ?? null;
    const focused = this.lines.find((line) => this.fieldOf(line) === document.activeElement);
    const at = focused ? this.fieldOf(focused)?.selectionStart : null;
    this.show();
    if (focused) {
      const field = this.fieldOf(focused);
      field?.focus();
      if (at !== null && at !== undefined) field?.setSelectionRange(at, at);
    }
  }

  /** The hops of the question that is shown. */
  get hops() {
    return this.shown?.answer?.hops ?? [];
  }

  show() {
    const heads = ["slot", "sentence", ...this.hops.map((_, hop) => `hop ${hop + 1}`)];
    let slot = 0;
    fill(
      this.body,
      make(
        "div",
        { class: "scroll", tabIndex: 0, role: "region", "aria-label": "the story and its hops" },
        make(
          "table",
          { class: "story" },
          make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)), make("td", {}))),
          make("tbody", {}, ...this.lines.map((line) => this.rowOf(line, line.isQuestion ? null : slot++))),
        ),
      ),
    );
    this.shade();
    this.showAnswer();
  }

  /**
   * @param {Line} line
   * @param {number | null} slot of a sentence
   */
  rowOf(line, slot) {
    const name = slot === null ? `question ${this.lines.filter((each) => each.isQuestion).indexOf(line) + 1}` : `sentence ${slot + 1}`;
    const button = (/** @type {string} */ text, /** @type {string} */ does, /** @type {() => void} */ click) =>
      make("button", { type: "button", on: { click }, "aria-label": `${does} ${name}` }, text);
    const field = make("input", {
      type: "text",
      value: line.text,
      "aria-label": name,
      spellcheck: false,
      on: {
        input: () => {
          line.text = field.value;
          this.askSoon();
        },
      },
    });
    return make(
      "tr",
      line === this.shown ? { "aria-current": "true" } : {},
      make("th", { scope: "row", class: "number" }, slot === null ? "?" : String(slot + 1)),
      make("td", {}, field),
      ...(slot === null ? [this.answerCell(line, name)] : this.hopCells(slot)),
      make(
        "td",
        {},
        button("↑", "Move up", () => this.move(line, -1)),
        button("↓", "Move down", () => this.move(line, 1)),
        button("Delete", "Delete", () => this.cut(line)),
      ),
    );
  }

  /**
   * @param {Line} line of a question
   * @param {string} name
   */
  answerCell(line, name) {
    const told = line.answer?.answer ?? "";
    const was = line.before ? make("span", { class: "then" }, ` was ${line.before}`) : null;
    const choose = make(
      "button",
      {
        type: "button",
        "aria-label": `Show the hops of ${name}`,
        "aria-pressed": String(line === this.shown),
        on: {
          click: () => {
            this.shown = line;
            this.show();
          },
        },
      },
      "Hops",
    );
    const cell = make("td", {}, make("strong", {}, told), was, " ", line.answer && choose);
    cell.colSpan = Math.max(1, this.hops.length);
    return cell;
  }

  /** @param {number} slot */
  hopCells(slot) {
    return this.hops.map((hop) => {
      const weight = hop.find((seen) => seen.number === slot)?.weight ?? 0;
      return make("td", { class: "hop", "data-weight": String(weight) }, weight ? percent(weight) : "");
    });
  }

  /** Shades every hop's column by its weights. */
  shade() {
    const { values } = this.palette.look;
    for (const cell of /** @type {NodeListOf<HTMLElement>} */ (this.body.querySelectorAll(".hop"))) {
      const weight = Number(cell.dataset.weight);
      const abgr = values[1 + Math.round(254 * Math.min(1, weight))];
      const [red, green, blue] = [abgr & 255, (abgr >> 8) & 255, (abgr >> 16) & 255];
      cell.style.backgroundColor = `rgb(${red} ${green} ${blue})`;
      cell.style.color = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 ? "#000" : "#fff";
    }
  }

  /** Says what is answered to the question that is shown, and how sure the model is. */
  showAnswer() {
    const { shown } = this;
    if (!shown?.answer) {
      this.said.textContent = "";
      fill(this.chances);
      return;
    }
    const { answer, probabilities, hops } = shown.answer;
    const seen = hops.flat().sort((left, right) => right.weight - left.weight)[0];
    const looked = seen ? ` It looked most at “${seen.sentence}”` : " It looked at no sentence.";
    fill(
      this.said,
      `${shown.text} `,
      make("strong", {}, answer),
      shown.before && make("span", { class: "then" }, `, was ${shown.before}`),
      `.${looked}`,
    );
    fill(
      this.chances,
      make("h3", {}, "The most probable answers"),
      make(
        "ul",
        { class: "sources" },
        ...Object.entries(probabilities).map(([word, share]) => {
          const bar = make("span", { class: "bar" });
          bar.style.width = `${100 * share}%`;
          return make("li", {}, make("span", {}, word), bar, make("span", { class: "number" }, percent(share)));
        }),
      ),
    );
  }
}

customElements.define("ntm-story", Story);
