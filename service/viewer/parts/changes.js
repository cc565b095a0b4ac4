// @ts-check
// What one would change in a run: a list of interventions, as POST /predict takes them, with undo.

/** @typedef {{steps: number | string, head?: string, slot?: number, set: Record<string, any>}} Item */

/**
 * @param {number | string} steps
 * @returns {[number, number]} [a, b)
 */
export function stretchOf(steps) {
  if (typeof steps === "number") return [steps, steps + 1];
  const [a, b] = steps.split(":");
  return [Number(a || 0), b ? Number(b) : Infinity];
}

/** Tells `change` events. */
export class Changes extends EventTarget {
  constructor() {
    super();
    /** @type {Item[]} */
    this.items = [];
    /** @type {Item[][]} */
    this.past = [];
    /** @type {string | null} what the last change was of: a drag is one change */
    this.dragged = null;
  }

  /**
   * Adds an item, in the place of one that sets the same thing at the same steps.
   *
   * @param {Item} item
   */
  put(item) {
    const name = nameOf(item);
    if (name !== this.dragged) this.past.push(this.items);
    this.dragged = name;
    this.items = [...this.items.filter((other) => nameOf(other) !== name), item];
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Item} item */
  remove(item) {
    this.replace(this.items.filter((other) => other !== item));
  }

  clear() {
    if (this.items.length) this.replace([]);
  }

  /** @param {Item[]} items */
  replace(items) {
    this.past.push(this.items);
    this.dragged = null;
    this.items = items;
    this.dispatchEvent(new Event("change"));
  }

  undo() {
    const before = this.past.pop();
    if (!before) return;
    this.dragged = null;
    this.items = before;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * What is pinned of a head at a step; the last item counts.
   *
   * @param {string} head
   * @param {number} step
   * @returns {Record<string, any>}
   */
  pinsAt(head, step) {
    /** @type {Record<string, any>} */
    const pins = {};
    for (const item of this.items) {
      const [a, b] = stretchOf(item.steps);
      if (item.head === head && a <= step && step < b) Object.assign(pins, item.set);
    }
    delete pins.weighting;
    return pins;
  }

  /**
   * Whether a step would also go otherwise for what is not pinned of a head there: because of an
   * earlier step, or of the input, the memory or the weighting itself.
   *
   * @param {number} step
   */
  reachOtherwise(step) {
    return this.items.some((item) => {
      const [a, b] = stretchOf(item.steps);
      const isNoPin = ["input", "memory", "weighting"].some((name) => name in item.set);
      return a < step || (isNoPin && a <= step && step < b);
    });
  }
}

/** @param {Item} item */
function nameOf(item) {
  return [item.steps, item.head, item.slot, Object.keys(item.set)].join(" ");
}

/**
 * @param {Item} item
 * @returns {string} the item in words
 */
export function sentenceOf(item) {
  const [a, b] = stretchOf(item.steps);
  const when = b === a + 1 ? `at step ${a}` : b === Infinity ? `from step ${a} on` : `at steps ${a} to ${b - 1}`;
  const what = Object.entries(item.set).map(([name, value]) => {
    if (name === "memory") return item.slot === undefined ? "memory set" : `slot ${item.slot} of memory set`;
    if (name === "input") return "input changed";
    if (name === "weighting" && value === "zero") return "ablated";
    const number = (/** @type {number} */ each) => Number(each.toFixed(2));
    return `${name.replace("_", " ")} = ${Array.isArray(value) ? `[${value.map(number).join(", ")}]` : typeof value === "number" ? number(value) : value}`;
  });
  return `${item.head ? `${item.head}: ` : ""}${what.join(", ")} ${when}`;
}
