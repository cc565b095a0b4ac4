// @ts-check
// One run as the page holds it: facts and tensors of a trace, its stages fetched where one looks.

import { Refusal, askJson, askTensors, query } from "./api.js";
import { stretchOf } from "./changes.js";
import { Plane, slotsInUse } from "./plane.js";
import { lastWeighting, tensorOf } from "./stages.js";
import { isPrediction } from "./tasks.js";

const FIELDS = "inputs,outputs,target,read_weightings,write_weightings,controls,writes,reads";
const BUDGET = 256 * 2 ** 20; // bytes of one run that the page holds
const PIECE = 48 * 2 ** 20; // bytes asked for at once where a whole answer is refused
const PAGE = 2 * 2 ** 20; // bytes of stages fetched at once
const MOST_PAGES = 16;

/** @typedef {import("./safetensors.js").Tensor} Tensor */
/** @typedef {Record<string, Tensor>} Tensors */
/** @typedef {import("./stages.js").Kind} Kind */
/** @typedef {import("./stages.js").Stage} Stage */
/** @typedef {import("./stages.js").Signature} Signature */

/** @type {Map<string, Promise<Signature>>} by model and version */
const signatures = new Map();

/**
 * The signature of the model that a run is of.
 *
 * @param {Record<string, any>} facts
 * @returns {Promise<Signature>}
 */
function signatureOf({ model, version }) {
  const path = `models/${encodeURIComponent(model)}?${query({ version })}`;
  let signature = signatures.get(path);
  if (!signature) {
    signature = askJson(path).then((told) => told.signature);
    signature.catch(() => signatures.delete(path));
    signatures.set(path, signature);
  }
  return signature;
}

/**
 * Loads a run.
 *
 * @param {string} trace
 * @param {AbortSignal} signal
 * @returns {Promise<Run>}
 * @throws {Refusal}
 */
export async function load(trace, signal) {
  const path = `trace/${encodeURIComponent(trace)}`;
  try {
    const { facts, tensors } = await askTensors(`${path}?${query({ include: FIELDS })}`, signal);
    return new Run(facts, tensors, facts.steps, await signatureOf(facts));
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 413) throw error;
  }
  const facts = await askJson(`${path}?include=inputs&steps=0:1`, { signal });
  const heads = facts.heads.read + facts.heads.write;
  const bytes = 4 * (heads + 2) * (facts.memory_slots + 64);
  const shown = Math.max(1, Math.min(facts.steps, Math.floor(BUDGET / bytes)));
  const piece = Math.max(1, Math.floor(PIECE / bytes));
  /** @type {Tensors[]} */
  const pieces = [];
  for (let start = 0; start < shown; start += piece) {
    const steps = `${start}:${Math.min(shown, start + piece)}`;
    pieces.push((await askTensors(`${path}?${query({ include: FIELDS, steps })}`, signal)).tensors);
  }
  return new Run(facts, joined(pieces), shown, await signatureOf(facts));
}

/**
 * @param {Tensors[]} pieces of consecutive steps
 * @returns {Tensors}
 */
function joined(pieces) {
  /** @type {Tensors} */
  const all = {};
  for (const name of Object.keys(pieces[0])) {
    const data = new Float32Array(pieces.reduce((sum, piece) => sum + piece[name].data.length, 0));
    let at = 0;
    for (const piece of pieces) {
      data.set(piece[name].data, at);
      at += piece[name].data.length;
    }
    all[name] = { shape: [-1, ...pieces[0][name].shape.slice(1)], data };
  }
  return all;
}

/** Every stage and the memory of some steps. */
export class Page {
  /**
   * @param {number} start
   * @param {Tensors} tensors
   */
  constructor(start, tensors) {
    this.start = start;
    this.tensors = tensors;
  }

  /**
   * @param {string} name of a tensor [K, H, width]
   * @param {number} step
   * @param {number} head
   * @returns {Float32Array} [width]
   */
  row(name, step, head) {
    const { shape, data } = this.tensors[name];
    const width = shape[2] ?? 1;
    const at = ((step - this.start) * shape[1] + head) * width;
    return data.subarray(at, at + width);
  }

  /**
   * @param {number} step
   * @returns {Float32Array} the memory that its reads see, [N * M]
   */
  memory(step) {
    const { shape, data } = this.tensors.memory;
    const size = shape[1] * shape[2];
    return data.subarray((step - this.start) * size, (step - this.start + 1) * size);
  }
}

export class Run {
  /**
   * @param {Record<string, any>} facts
   * @param {Tensors} tensors
   * @param {number} steps that the page holds, from the first
   * @param {Signature} signature of its model
   */
  constructor(facts, tensors, steps, signature) {
    this.facts = facts;
    this.tensors = tensors;
    this.steps = steps;
    this.signature = signature;
    /** @type {string} */
    this.trace = facts.trace_id;
    /** @type {number} */
    this.slots = facts.memory_slots;
    /** @type {number} M */
    this.width = signature.memory_width;
    /** @type {number[]} */
    this.shifts = facts.shifts;
    /** @type {string[]} write heads first, as they come first in a run that listens, then answers */
    this.heads = ["write", "read"].flatMap((kind) =>
      namesOf(/** @type {Kind} */ (kind), tensors[`${kind}_weightings`]?.shape[1] ?? 0),
    );
    /** @type {Map<number, Page>} */
    this.pages = new Map();
    /** @type {Map<number, Promise<Page>>} */
    this.coming = new Map();
    const perStep = this.heads.length * (3 * this.slots + this.width + 8) + this.slots * this.width;
    this.pageSteps = Math.max(1, Math.min(64, Math.floor(PAGE / 4 / perStep)));
    this.used = this.usedIn([0, steps]);
  }

  /**
   * @param {[number, number]} range of steps
   * @returns {{first: number, count: number}} the slots that any head looks at there
   */
  usedIn(range) {
    return slotsInUse(this.heads.map((head) => this.weighting(head)), range);
  }

  /** @returns {string} such as copy/1 */
  get name() {
    return `${this.facts.model}/${this.facts.version}`;
  }

  /**
   * @param {string} name of a tensor [T, width]
   * @returns {Plane | null}
   */
  plane(name) {
    const tensor = this.tensors[name];
    return tensor ? new Plane(tensor.data, this.steps, tensor.shape[1]) : null;
  }

  /**
   * @param {string} name of a tensor [T, H, width] or [T, H]
   * @param {number} head
   * @returns {Plane}
   */
  planeOf(name, head) {
    const { shape, data } = this.tensors[name];
    const width = shape[2] ?? 1;
    return new Plane(data, this.steps, width, shape[1] * width, head * width);
  }

  /**
   * @param {string} head such as read.0
   * @returns {Plane} [T, N]
   */
  weighting(head) {
    const { kind, number } = headOf(head);
    return this.planeOf(`${kind}_weightings`, number);
  }

  /**
   * @param {string} head
   * @param {Stage} stage that this head has
   * @returns {Plane} [T, width]
   */
  stage(head, stage) {
    const { kind, number } = headOf(head);
    const isOfAll = stage.owner === "heads" && !["addressing", "weighting"].includes(stage.group);
    const first = isOfAll && kind === "write" ? this.facts.heads.read : 0;
    return this.planeOf(tensorOf(stage, kind), first + number);
  }

  /**
   * The head that is looked at: the one that is asked for, where there is such a head.
   *
   * @param {string | null} asked
   * @returns {string} empty where there are no heads
   */
  chosen(asked) {
    return asked && this.heads.includes(asked) ? asked : (this.heads.at(-1) ?? "");
  }

  /**
   * What takes a head out of the run: no slot is looked at.
   *
   * @param {string} head
   * @returns {Record<string, any> | null} of an intervention; null where that cannot be set
   */
  ablation(head) {
    const stage = head && lastWeighting(this.signature, headOf(head).kind);
    return stage && stage.pinnable ? { [stage.name]: "zero" } : null;
  }

  /**
   * @param {string} head
   * @param {string} control a stage of addressing
   * @returns {Plane} [T, width]
   */
  control(head, control) {
    const { kind, number } = headOf(head);
    return this.planeOf(`addressing.${kind}.${control}`, number);
  }

  /**
   * @param {number} step
   * @returns {Page | null} if it is here
   */
  page(step) {
    return this.pages.get(Math.floor(step / this.pageSteps)) ?? null;
  }

  /**
   * @param {number} step
   * @returns {Promise<Page>}
   */
  fetchPage(step) {
    const number = Math.floor(step / this.pageSteps);
    const here = this.pages.get(number);
    if (here) return Promise.resolve(here);
    let coming = this.coming.get(number);
    if (!coming) {
      coming = this.askPage(number).finally(() => this.coming.delete(number));
      this.coming.set(number, coming);
    }
    return coming;
  }

  /**
   * @param {number} number
   * @returns {Promise<Page>}
   */
  async askPage(number) {
    const start = number * this.pageSteps;
    const steps = `${start}:${Math.min(this.steps, start + this.pageSteps)}`;
    const asked = query({ include: "addressing,memory", steps });
    const page = new Page(start, (await askTensors(`trace/${this.trace}?${asked}`)).tensors);
    if (this.pages.size >= MOST_PAGES) this.pages.delete([...this.pages.keys()][0]);
    this.pages.set(number, page);
    return page;
  }

  /**
   * The request that gives this run again.
   *
   * @returns {Record<string, any>} a body of POST /predict
   */
  request() {
    /** @type {Record<string, any>} */
    const body = {
      model: this.facts.model,
      version: this.facts.version,
      memory_slots: this.slots,
      sequence: rowsOf(/** @type {Plane} */ (this.plane("inputs"))),
    };
    const target = this.plane("target");
    if (target)
      body.target = rowsOf(target).map((row) => {
        const gaps = row.map((value) => (Number.isNaN(value) ? null : value));
        return gaps.every((value) => value === null) ? null : gaps;
      });
    if (this.facts.interventions?.length) body.interventions = this.facts.interventions.map(bare);
    return body;
  }

  /**
   * Whether an intervention of this run set something of a head.
   *
   * @param {string} head
   * @param {number} step
   * @param {string} name such as weighting
   */
  isSet(head, step, name) {
    return (this.facts.interventions ?? []).some((/** @type {any} */ item) => {
      const [a, b] = stretchOf(item.steps);
      return item.head === head && a <= step && step < b && (item.set[name] ?? null) !== null;
    });
  }

  /** Whether the outputs are probabilities, which cannot be wrong bit by bit. */
  get predicts() {
    return isPrediction(this.facts.task?.name);
  }

  /**
   * Whether an output is on the other side of 0.5 than its target.
   *
   * @param {number} step
   * @param {number} bit
   */
  isWrong(step, bit) {
    const { outputs, target } = this.tensors;
    if (!target || this.predicts) return false;
    const at = step * outputs.shape[1] + bit;
    return outputs.data[at] > 0.5 !== target.data[at] > 0.5 && !Number.isNaN(target.data[at]);
  }

  /**
   * Bits that this run's target asks for and that another run answers otherwise, over the steps
   * that both hold.
   *
   * @param {Run} other
   * @returns {number | null} null without a target
   */
  bitsApart(other) {
    const { outputs, target } = this.tensors;
    if (!target) return null;
    const count = Math.min(this.steps, other.steps) * outputs.shape[1];
    let apart = 0;
    for (let i = 0; i < count; i++)
      if (!Number.isNaN(target.data[i])) apart += Number(outputs.data[i] > 0.5 !== other.tensors.outputs.data[i] > 0.5);
    return apart;
  }

  /** @returns {number | null} wrong bits of the steps held; null without a target */
  wrongBits() {
    if (!this.tensors.target) return null;
    const bits = this.tensors.outputs.shape[1];
    let wrong = 0;
    for (let step = 0; step < this.steps; step++)
      for (let bit = 0; bit < bits; bit++) wrong += Number(this.isWrong(step, bit));
    return wrong;
  }

  /** @returns {number} bits that it takes to tell the target to who knows the predictions */
  cost() {
    const { outputs, target } = this.tensors;
    let bits = 0;
    for (let i = 0; i < Math.min(outputs.data.length, target.data.length); i++) {
      const value = target.data[i];
      if (!Number.isNaN(value)) bits -= Math.log2(Math.max(1e-12, value > 0.5 ? outputs.data[i] : 1 - outputs.data[i]));
    }
    return bits;
  }

  /** @returns {{text: string, bad: boolean}} how the run went against its target */
  score() {
    const wrong = this.wrongBits();
    if (wrong === null) return { text: "no target", bad: false };
    if (this.predicts) {
      const told = this.tensors.target.data.filter((value) => !Number.isNaN(value)).length;
      return { text: `its predictions cost ${this.cost().toFixed(1)} bits, a coin’s ${told}`, bad: this.cost() > told };
    }
    const text = wrong === 0 ? "no wrong bit" : `${wrong} wrong ${wrong === 1 ? "bit" : "bits"}`;
    return { text, bad: wrong > 0 };
  }
}

/**
 * @param {Kind} kind
 * @param {number} count
 */
function namesOf(kind, count) {
  return Array.from({ length: count }, (_, number) => `${kind}.${number}`);
}

/**
 * @param {string} head such as read.0
 * @returns {{kind: Kind, number: number}}
 */
export function headOf(head) {
  const [kind, number] = head.split(".");
  return { kind: /** @type {Kind} */ (kind), number: Number(number) };
}

/** @param {Plane} plane */
function rowsOf(plane) {
  return Array.from({ length: plane.steps }, (_, step) => [...plane.row(step)]);
}

/**
 * An intervention without the fields that say nothing.
 *
 * @param {Record<string, any>} item
 * @returns {Record<string, any>}
 */
export function bare(item) {
  const kept = Object.entries(item).filter(([, value]) => value !== null);
  return Object.fromEntries(kept.map(([name, value]) => [name, name === "set" ? bare(value) : value]));
}
