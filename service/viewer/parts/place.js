// @ts-check
// Where one is: the trace, step, head, range and view. The URL holds it; back and forward work.

/**
 * @typedef {object} Spot
 * @property {"watch" | "compare" | "story" | "traces" | "live"} view
 * @property {string | null} trace
 * @property {string | null} other the trace to compare with
 * @property {number} step the cursor
 * @property {string | null} head such as read.0
 * @property {[number, number] | null} range steps shown, [a, b); all of them if null
 * @property {"used" | "all"} slots which memory slots are drawn
 */

/** @type {Spot} */
const HOME = {
  view: "watch",
  trace: null,
  other: null,
  step: 0,
  head: null,
  range: null,
  slots: "used",
};
const VIEWS = ["watch", "compare", "story", "traces", "live"];
const PATIENCE = 250; // ms; browsers refuse to have the URL changed at every move of a pointer

/**
 * @param {string} search a URL's query
 * @returns {Spot}
 */
export function read(search) {
  const told = new URLSearchParams(search);
  const view = told.get("view") ?? "";
  const step = Number(told.get("step"));
  const range = /^(\d+):(\d+)$/.exec(told.get("range") ?? "");
  return {
    view: /** @type {Spot["view"]} */ (VIEWS.includes(view) ? view : HOME.view),
    trace: told.get("trace"),
    other: told.get("other"),
    step: Number.isInteger(step) && step > 0 ? step : 0,
    head: told.get("head"),
    range: range && Number(range[1]) < Number(range[2]) ? [Number(range[1]), Number(range[2])] : null,
    slots: told.get("slots") === "all" ? "all" : "used",
  };
}

/**
 * @param {Spot} spot
 * @returns {string} a relative URL
 */
export function write(spot) {
  const told = new URLSearchParams();
  if (spot.view !== HOME.view) told.set("view", spot.view);
  if (spot.trace) told.set("trace", spot.trace);
  if (spot.other) told.set("other", spot.other);
  if (spot.trace && spot.step) told.set("step", String(spot.step));
  if (spot.trace && spot.head) told.set("head", spot.head);
  if (spot.trace && spot.range) told.set("range", spot.range.join(":"));
  if (spot.slots !== HOME.slots) told.set("slots", spot.slots);
  const text = told.toString().replaceAll("%3A", ":");
  return text ? `?${text}` : window.location.pathname;
}

/** Tells `change` events, with the names of what changed as `detail`. */
export class Place extends EventTarget {
  /** @param {boolean} [isAddress] whether the URL follows, and back and forward move it */
  constructor(isAddress = true) {
    super();
    this.isAddress = isAddress;
    this.spot = isAddress ? read(window.location.search) : HOME;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    if (!isAddress) return;
    window.addEventListener("popstate", () => {
      clearTimeout(this.timer);
      this.take(read(window.location.search));
    });
  }

  /**
   * Goes somewhere that back returns from.
   *
   * @param {Partial<Spot>} patch
   */
  go(patch) {
    this.settle();
    const before = write(this.spot);
    this.take({ ...this.spot, ...patch });
    const after = write(this.spot);
    if (after !== before && this.isAddress) history.pushState(null, "", after);
  }

  /**
   * Moves within where one is: the cursor, the range.
   *
   * @param {Partial<Spot>} patch
   */
  move(patch) {
    this.take({ ...this.spot, ...patch });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), PATIENCE);
  }

  /** Brings the URL up to where one has moved. */
  settle() {
    clearTimeout(this.timer);
    if (this.isAddress) history.replaceState(null, "", write(this.spot));
  }

  /** @param {Spot} spot */
  take(spot) {
    const before = this.spot;
    const names = /** @type {(keyof Spot)[]} */ (Object.keys(HOME));
    const changed = names.filter((name) => String(spot[name]) !== String(before[name]));
    if (!changed.length) return;
    this.spot = spot;
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(changed) }));
  }

  /**
   * @param {(changed: Set<keyof Spot>) => void} listener
   * @param {AbortSignal} [signal]
   */
  onChange(listener, signal) {
    this.addEventListener(
      "change",
      (event) => listener(/** @type {CustomEvent} */ (event).detail),
      { signal },
    );
  }
}
