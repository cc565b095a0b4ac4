// Which rows an overview has follows from a model's table of stages, whatever the architecture.

import assert from "node:assert/strict";
import { test } from "node:test";

import { axisOf, labelOf, lastWeighting, rowsOf, tensorOf, vectorsOf } from "./viewer/parts/stages.js";

/** A stage of a read head that is addressed by one number, but for what is told. */
function stage(told) {
  return { owner: "read", kind: "control", group: "addressing", shape: [1, 1], bounds: [0, 1], pinnable: true, symbol: "", choices: [], ...told };
}

const GATE = stage({ name: "write_gate", owner: "write", symbol: "g^w" });
const MODE = stage({ name: "read_mode", kind: "distribution", shape: [1, 3] });
const KEY = stage({ name: "key", shape: [1, 8], bounds: [-1e6, 1e6] });
const USAGE = stage({ name: "usage", owner: "memory", kind: "vector", group: "writes", shape: ["slots"] });
const LINK = stage({ name: "link", owner: "memory", kind: "matrix", group: "writes", shape: ["slots", "slots"] });
const LAST = stage({ name: "read_weighting", kind: "weighting", group: "weighting", shape: [1, "slots"] });
const ERASE = stage({ name: "erase", owner: "write", group: "writes", shape: [1, 8] });
const ADD = stage({ name: "add", owner: "write", group: "writes", shape: [1, 8], bounds: [-1e6, 1e6] });
const READS = stage({ name: "reads", kind: "vector", group: "reads", shape: [1, 8], bounds: [null, null] });
const STAGES = [GATE, MODE, KEY, USAGE, LINK, LAST, ERASE, ADD, READS];

test("a scalar is a curve, a distribution shares, a number of every slot a map, a matrix no row", () => {
  const rows = rowsOf({ stages: STAGES, shifts: [] });
  assert.deepEqual(rows.map(({ stage, draw }) => [stage.name, draw]), [["write_gate", "curve"], ["read_mode", "shares"], ["usage", "slots"]]);
});

test("a distribution over shifts is told as the shift that is expected", () => {
  const [row] = rowsOf({ stages: [MODE], shifts: [-1, 0, 1] });
  assert.equal(row.draw, "shift");
});

test("stages are found where a trace has them", () => {
  assert.equal(tensorOf(GATE, "write"), "addressing.write.write_gate");
  assert.equal(tensorOf(LAST, "read"), "read_weightings");
  assert.equal(tensorOf(USAGE, "read"), "writes.usage");
  assert.equal(tensorOf(READS, "read"), "reads");
  assert.equal(lastWeighting({ stages: STAGES }, "read"), LAST);
  assert.equal(lastWeighting({ stages: STAGES }, "write"), undefined);
});

test("what is written is what is added, where a signature says which that is", () => {
  assert.deepEqual(vectorsOf({ stages: STAGES, written: { erase: "erase", add: "add" } }, "write"), [ADD]);
  assert.deepEqual(vectorsOf({ stages: STAGES, written: null }, "write"), [ERASE, ADD]);
  assert.deepEqual(vectorsOf({ stages: STAGES, written: null }, "read"), [READS]);
});

test("names and axes", () => {
  assert.equal(labelOf(GATE), "write gate gʷ");
  assert.deepEqual(axisOf(GATE, 0.4), [0, 1]);
  assert.deepEqual(axisOf(stage({ bounds: [1, 1e6] }), 7), [1, 7]);
  assert.deepEqual(axisOf(stage({ bounds: [1, 1e6] }), 1), [1, 2]);
  assert.deepEqual(axisOf(stage({ bounds: [-100, 100] }), 5), [-5, 5]);
});
