// @ts-check
// Play, step, scrub and zoom through time.

import { make } from "./element.js";

/** @typedef {import("./track-stack.js").TrackStack} TrackStack */

const SPEEDS = { slow: 400, normal: 150, fast: 40 }; // ms a step

export class Transport extends HTMLElement {
  /** @param {import("./place.js").Place} place */
  constructor(place) {
    super();
    this.place = place;
    this.steps = 1;
    /** @type {TrackStack | null} */
    this.stack = null;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    const button = (/** @type {string} */ name, /** @type {string} */ text, /** @type {() => void} */ click) =>
      make("button", { type: "button", "aria-label": name, title: name, on: { click } }, text);
    this.playing = button("play", "▶", () => this.toggle());
    this.scrub = make("input", { type: "range", min: "0", value: "0", class: "scrub", "aria-label": "step", on: { input: () => this.place.move({ step: Number(this.scrub.value) }) } });
    this.number = make("input", { type: "number", min: "0", class: "small", "aria-label": "go to step", on: { change: () => this.to(Number(this.number.value)) } });
    this.speed = make("select", { "aria-label": "speed" }, ...Object.keys(SPEEDS).map((name) => make("option", { value: name }, name)));
    this.speed.value = "normal";
    this.speed.addEventListener("change", () => this.timer && (this.pause(), this.play()));
    this.from = make("input", { type: "number", min: "0", class: "small", "aria-label": "first step shown", on: { change: () => this.setRange() } });
    this.until = make("input", { type: "number", min: "0", class: "small", "aria-label": "last step shown", on: { change: () => this.setRange() } });
    this.slots = make("select", { "aria-label": "slots shown", on: { change: () => this.place.go({ slots: /** @type {"used" | "all"} */ (this.slots.value) }) } }, make("option", { value: "used" }, "slots in use"), make("option", { value: "all" }, "all slots"));
    this.append(
      make("div", { class: "line" }, button("one step back", "◂", () => this.by(-1)), this.playing, button("one step on", "▸", () => this.by(1)), this.number, this.scrub, this.speed),
      make("div", { class: "line" }, make("span", { class: "note" }, "shown"), this.from, make("span", { class: "note" }, "to"), this.until, button("zoom in", "+", () => this.zoom(0.5)), button("zoom out", "−", () => this.zoom(2)), button("show all steps", "all", () => this.place.go({ range: null })), this.slots),
    );
    place.onChange(() => this.show());
  }

  /**
   * @param {TrackStack} stack
   * @param {number} steps
   */
  follow(stack, steps) {
    this.pause();
    this.stack = stack;
    this.steps = steps;
    this.show();
  }

  show() {
    const { step, slots } = this.place.spot;
    const last = String(this.steps - 1);
    const [a, b] = this.stack?.range ?? [0, this.steps];
    for (const input of [this.scrub, this.number, this.from, this.until]) input.max = last;
    const at = String(Math.min(step, this.steps - 1));
    this.scrub.value = at;
    if (document.activeElement !== this.number) this.number.value = at;
    this.from.value = String(a);
    this.until.value = String(b - 1);
    this.slots.value = slots;
  }

  /** @param {number} step */
  to(step) {
    this.place.move({ step: Math.max(0, Math.min(this.steps - 1, Math.round(step) || 0)) });
  }

  /** @param {number} steps */
  by(steps) {
    this.to(Math.min(this.place.spot.step, this.steps - 1) + steps);
  }

  toggle() {
    if (this.timer) this.pause();
    else this.play();
  }

  play() {
    if (this.place.spot.step >= this.steps - 1) this.to(0);
    this.timer = setInterval(() => {
      if (this.place.spot.step >= this.steps - 1) this.pause();
      else this.by(1);
    }, SPEEDS[/** @type {keyof typeof SPEEDS} */ (this.speed.value)]);
    this.playing.textContent = "❚❚";
    this.playing.setAttribute("aria-label", "pause");
  }

  pause() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.playing.textContent = "▶";
    this.playing.setAttribute("aria-label", "play");
  }

  /** @param {number} factor */
  zoom(factor) {
    if (!this.stack) return;
    const [a, b] = this.stack.range;
    const size = Math.max(4, Math.round((b - a) * factor));
    const { step } = this.stack;
    const middle = step >= a && step < b ? step : (a + b) / 2;
    const start = Math.round(middle - size * ((middle - a) / (b - a)));
    this.stack.zoomTo(start, start + size);
  }

  setRange() {
    this.stack?.zoomTo(Number(this.from.value), Number(this.until.value) + 1);
  }
}

customElements.define("ntm-transport", Transport);
