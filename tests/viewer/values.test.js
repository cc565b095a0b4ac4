// What a number is called, and what is drawn where several share a pixel.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Means } from "./viewer/parts/means.js";
import { Plane } from "./viewer/parts/plane.js";
import { Pyramid } from "./viewer/parts/pyramid.js";
import { bitRows, rowsInWords, scaleOf, textOf } from "./viewer/parts/values.js";

const CODES = Uint32Array.from({ length: 256 }, (_, code) => code);

/** The codes that a plane of one row is painted with. */
function painted(Kind, values, width, signed = false) {
  const plane = new Plane(Float32Array.from(values), values.length, 1);
  const pixels = new Uint32Array(width);
  const scale = { signed, high: 1 };
  new Kind(plane, scale, { first: 0, count: 1 }, 10).paint(pixels, width, [0, values.length], CODES);
  return [...pixels];
}

test("only 0 and 1 are bits", () => {
  assert.equal(textOf([0, 1, 1, 0.65], false), "011 0.65");
  assert.equal(textOf([0.65, 0, 1], false), "0.65 01");
  assert.equal(textOf([0, 1.567], false), "0 1.57");
  assert.equal(textOf([0, -0.7], false), "0 −0.7");
  assert.equal(textOf([NaN, 1], false), "·1");
  assert.equal(textOf([0.98, 0.03, 0.6], true), "10 0.6");
});

test("rows are bits where all of their values are", () => {
  const plane = new Plane(Float32Array.from([0, 0.5, 1, NaN, 1, 2]), 2, 3);
  assert.deepEqual(bitRows(plane), [true, false, false]);
  assert.equal(rowsInWords([true, true, false]), "2 bits and 1 number");
  assert.equal(rowsInWords([true]), "1 bit");
  assert.deepEqual(scaleOf([plane]), { signed: false, high: 2 });
  assert.deepEqual(scaleOf([new Plane(Float32Array.from([-3, 1]), 2, 1)]), { signed: true, high: 3 });
});

test("the mean is drawn where values share a pixel, and each value where they do not", () => {
  const values = Array.from({ length: 2000 }, (_, step) => step % 2);
  assert.deepEqual(new Set(painted(Means, values, 100)), new Set([128]));
  assert.deepEqual(painted(Means, [0, 1, 0, 1], 8), [1, 1, 255, 255, 1, 1, 255, 255]);
  assert.deepEqual(painted(Means, [NaN, NaN, 1, NaN], 2), [0, 255]);
  assert.deepEqual(painted(Means, [-1, 1, 1, 1], 2, true), [128, 255]);
});

test("a single peak among many steps stays where the largest is drawn", () => {
  const values = new Array(1000).fill(0);
  values[500] = 1;
  assert.equal(Math.max(...painted(Pyramid, values, 10)), 255);
});
