// @ts-check
// Tracks on one time axis, with one cursor through all of them on a canvas of its own.

import { fit, make } from "./element.js";
import { paintRuler } from "./ruler.js";

/** @typedef {import("./track.js").Track} Track */
/** @typedef {import("./place.js").Place} Place */

/**
 * @typedef {object} StackFacts
 * @property {number} steps
 * @property {{name: string, start: number, stop: number}[]} phases
 * @property {{step: number, name: string}[]} [marks]
 */

/** Tells `hover` events; moves the place's step and range. */
export class TrackStack extends HTMLElement {
  /**
   * @param {Track[]} tracks
   * @param {StackFacts} facts
   * @param {Place} place
   * @param {import("./palette.js").Palette} palette
   */
  constructor(tracks, facts, place, palette) {
    super();
    this.tracks = tracks;
    this.facts = facts;
    this.place = place;
    this.palette = palette;
    this.life = new AbortController();
    /** @type {{track: Track, step: number, row: number} | null} */
    this.hover = null;
    this.dirty = { base: true, cursor: true };
    this.frame = 0;
    this.ruler = make("canvas", { class: "plot ruler", "aria-hidden": "true" });
    this.cursor = make("canvas", { class: "cursor", "aria-hidden": "true" });
    this.append(
      make("div", { class: "ruler-row" }, make("span", { class: "label note" }, "step"), this.ruler),
      ...tracks,
      this.cursor,
    );
    this.listen();
  }

  /** @returns {[number, number]} */
  get range() {
    const { steps } = this.facts;
    const [a, b] = this.place.spot.range ?? [0, steps];
    return a < steps ? [a, Math.min(b, steps)] : [0, steps];
  }

  get step() {
    return Math.min(this.place.spot.step, this.facts.steps - 1);
  }

  listen() {
    const { signal } = this.life;
    this.place.onChange((changed) => {
      if (changed.has("range")) this.wants("base");
      if (changed.has("step")) this.wants("cursor");
    }, signal);
    this.palette.addEventListener("change", () => this.wants("base"), { signal });
    const observer = new ResizeObserver(() => this.wants("base"));
    observer.observe(this);
    signal.addEventListener("abort", () => observer.disconnect());
    this.addEventListener("point", (event) => {
      this.place.move({ step: /** @type {CustomEvent} */ (event).detail.step });
    });
    this.addEventListener("hover", (event) => {
      const point = /** @type {CustomEvent} */ (event).detail;
      this.hover = point && { track: /** @type {Track} */ (event.target), ...point };
      this.wants("cursor");
    });
    this.addEventListener("focusin", () => this.wants("cursor"));
    this.listenToRuler();
  }

  /** A drag along the ruler zooms to what it covers; a double click shows all. */
  listenToRuler() {
    const at = (/** @type {MouseEvent} */ event) => {
      const box = this.ruler.getBoundingClientRect();
      const [a, b] = this.range;
      const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
      return a + share * (b - a);
    };
    this.ruler.addEventListener("pointerdown", (event) => {
      this.ruler.setPointerCapture(event.pointerId);
      this.drag = { from: at(event), to: at(event) };
    });
    this.ruler.addEventListener("pointermove", (event) => {
      if (!this.drag) return;
      this.drag.to = at(event);
      this.wants("cursor");
    });
    this.ruler.addEventListener("pointerup", () => {
      if (!this.drag) return;
      const [a, b] = [this.drag.from, this.drag.to].sort((x, y) => x - y);
      this.drag = undefined;
      if (b - a < 0.5) this.place.move({ step: Math.min(this.facts.steps - 1, Math.floor(a)) });
      else this.zoomTo(Math.floor(a), Math.ceil(b));
      this.wants("cursor");
    });
    this.ruler.addEventListener("dblclick", () => this.place.go({ range: null }));
  }

  /** @type {number[][]} where the plots are: top and height in CSS pixels */
  bands = [];

  /** @type {{from: number, to: number} | undefined} */
  drag;

  /**
   * @param {number} a
   * @param {number} b
   */
  zoomTo(a, b) {
    const { steps } = this.facts;
    const size = Math.max(2, Math.min(steps, b - a));
    const start = Math.max(0, Math.min(steps - size, a));
    this.place.go({ range: size === steps ? null : [start, start + size] });
  }

  /** @param {"base" | "cursor"} layer to paint at the next frame */
  wants(layer) {
    this.dirty[layer] = true;
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    if (!this.isConnected || !this.clientWidth) return;
    const name = this.dirty.base ? "ntm-zoom" : "ntm-cursor";
    const start = performance.now();
    if (this.dirty.base) {
      for (const track of this.tracks) track.paint(this.palette.look, this.range);
      paintRuler(this.ruler, this.palette.look, this.range, this.facts);
      this.bands = [this.ruler, ...this.tracks.map((track) => track.handle)].map((part) => [part.offsetTop, part.offsetHeight]);
    }
    this.paintCursor();
    this.dirty = { base: false, cursor: false };
    performance.measure(name, { start, end: performance.now() });
  }

  /** Everything that moves with the cursor and the pointer. */
  paintCursor() {
    const left = this.ruler.offsetLeft;
    const style = this.cursor.style;
    style.left = `${left}px`;
    style.width = `${this.ruler.clientWidth}px`;
    style.height = `${this.scrollHeight}px`;
    const { context, width, height, ratio } = fit(this.cursor);
    const [a, b] = this.range;
    const { look } = this.palette;
    const x = (/** @type {number} */ step) => ((step - a) / (b - a)) * width;
    context.clearRect(0, 0, width, height);
    context.save();
    context.beginPath(); // names between the tracks stay free of lines
    for (const [top, tall] of this.bands) context.rect(0, top * ratio, width, tall * ratio);
    context.clip();
    context.lineWidth = ratio;
    for (const phase of this.facts.phases)
      if (phase.start > a && phase.start < b)
        line(context, x(phase.start), height, look.paper, look.ink, [3 * ratio, 3 * ratio]);
    for (const mark of this.facts.marks ?? [])
      if (mark.step >= a && mark.step < b)
        line(context, x(mark.step), height, look.paper, look.wrong, [6 * ratio, 3 * ratio], 2 * ratio);
    if (this.hover) {
      const middle = x(this.hover.step + 0.5);
      line(context, middle, height, look.paper, look.faint, []);
    }
    const { step } = this;
    if (step >= a && step < b) {
      const wide = Math.max(3 * ratio, x(step + 1) - x(step));
      const from = (x(step) + x(step + 1) - wide) / 2;
      context.strokeStyle = look.paper;
      context.lineWidth = 4 * ratio;
      context.strokeRect(from, -9, wide, height + 18);
      context.strokeStyle = look.accent;
      context.lineWidth = 2 * ratio;
      context.strokeRect(from, -9, wide, height + 18);
    }
    if (this.drag) {
      context.fillStyle = look.accent;
      context.globalAlpha = 0.2;
      context.fillRect(x(this.drag.from), 0, x(this.drag.to) - x(this.drag.from), height);
      context.globalAlpha = 1;
    }
    context.restore();
    for (const track of this.tracks) {
      const point = this.hover;
      track.show(point ? point.step : step, point && point.track === track ? point : null);
      track.step = step;
    }
  }

  /** Ends it: it listens no more. */
  end() {
    cancelAnimationFrame(this.frame);
    this.life.abort();
    this.remove();
  }
}

/**
 * A line through all tracks that is seen on dark and on light.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} height
 * @param {string} casing
 * @param {string} colour
 * @param {number[]} dash
 * @param {number} [wide]
 */
function line(context, x, height, casing, colour, dash, wide = window.devicePixelRatio || 1) {
  for (const [style, width, pattern] of /** @type {[string, number, number[]][]} */ ([
    [casing, 2.5 * wide, []],
    [colour, wide, dash],
  ])) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.setLineDash(pattern);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
  }
  context.setLineDash([]);
}

customElements.define("ntm-track-stack", TrackStack);
