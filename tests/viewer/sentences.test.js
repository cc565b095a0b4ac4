// What the page says of a head at a step is what the numbers say: over every step and head of the
// runs in the folder NTM_RUNS, which test_modules.py records from every shipped model. The sums
// here are written from Eq. 7 and 8 slot by slot, apart from the page's.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { contributions, standingOut } from "./viewer/architectures/ntm/focus.js";
import { ofContent, ofSharpening, ofSimilarity, ofStep } from "./viewer/architectures/ntm/sentences.js";
import { percent } from "./viewer/parts/element.js";

const REASON = /([\d.]+ %|< 0.1 %),? of what arrives at slot (\d+) is from (?:the [\d.]+ % of |the < 0.1 % of )?its (content match|last weighting|first weighting) on slot (\d+), (not shifted|shifted by ([+−]\d+))\.$/;

/** Where the mass of one slot of w~ came from, by walking every source slot and tap. */
function sourcesOf(at, target) {
  const slots = at.content.length;
  const found = [];
  for (let source = 0; source < slots; source++)
    at.shifts.forEach((shift, tap) => {
      if ((source + shift + slots) % slots !== target) return;
      found.push(["content match", source, shift, at.shift[tap] * at.gate * at.content[source]]);
      found.push(["weighting", source, shift, at.shift[tap] * (1 - at.gate) * at.previous[source]]);
    });
  return found;
}

function checkStep(at) {
  const stages = { content: at.content, gated: at.gated, shifted: at.shifted, weighting: at.weighting };
  const controls = { key: [], strength: at.strength, gate: at.gate, shift: at.shift, sharpening: at.sharpening };
  const said = ofStep({ ...at, stages, controls });
  const largest = Math.max(...at.weighting);
  if (said.includes("no slot stands out")) {
    const close = at.weighting.filter((share) => share >= largest / 2).length;
    assert.ok(largest < 0.3 || close > 3 || close === at.weighting.length, said);
    assert.ok(said.includes(percent(largest)), said);
    return "none";
  }
  const [, share, slot, term, source, , by] = REASON.exec(said) ?? assert.fail(said);
  assert.equal(at.weighting[Number(slot)], largest, said);
  assert.ok(said.includes(`slot ${slot} (${percent(largest)})`), said);
  const sources = sourcesOf(at, Number(slot));
  const total = sources.reduce((sum, each) => sum + each[3], 0);
  assert.ok(Math.abs(total - at.shifted[Number(slot)]) < 1e-5, "the parts sum to the shifted weighting");
  const most = sources.reduce((a, b) => (b[3] > a[3] ? b : a));
  assert.ok(term.endsWith(most[0]), said);
  assert.equal(Number(source), most[1], said);
  assert.equal(by === undefined ? 0 : Number(by.replace("−", "-")), most[2], said);
  assert.equal(share, percent(most[3] / total), said);
  return most[0];
}

for (const file of readdirSync(process.env.NTM_RUNS)) {
  test(`every step and head of ${file}`, () => {
    const steps = JSON.parse(readFileSync(`${process.env.NTM_RUNS}/${file}`, "utf8"));
    const counts = {};
    for (const at of steps) {
      const found = checkStep(at);
      counts[found] = (counts[found] ?? 0) + 1;
      const content = ofContent(at.content, at.strength);
      const best = Math.max(...at.content);
      assert.equal(content.includes("no slot stands out"), !standingOut(at.content).length);
      assert.ok(content.includes(percent(best)), content);
      const sharpened = ofSharpening({ shifted: at.shifted, weighting: at.weighting }, at.sharpening);
      const named = /slot (\d+)/.exec(sharpened);
      if (named) assert.equal(at.weighting[Number(named[1])], Math.max(...at.weighting), sharpened);
    }
    assert.ok(steps.length > 10, JSON.stringify(counts));
  });
}

test("a slot stands out only where it is unlike the others", () => {
  assert.deepEqual(standingOut([0.25, 0.25, 0.25, 0.25]), []);
  assert.deepEqual(standingOut([0.5, 0.5]), []);
  assert.deepEqual(standingOut([1]), [0]);
  assert.deepEqual(standingOut([0, 0.4, 0.6, 0]), [2, 1]);
  assert.deepEqual(standingOut([0.31, ...new Array(10).fill(0.069)]), [0]);
  assert.deepEqual(standingOut([0, 0, 0]), []);
});

test("the match is named only where it gave most", () => {
  const controls = { key: [], strength: 1, gate: 0.6, shift: [0, 0, 1], sharpening: 1 };
  const [first] = contributions(2, [0.1, 0.1, 0.8], [0, 1, 0], controls, [-1, 0, 1]);
  assert.deepEqual([first.term, first.from, first.shift], ["last", 1, 1]);
});

test("slots that are all alike are not told apart", () => {
  assert.match(ofSimilarity([0.5, 0.5, 0.5]), /^All slots/);
  assert.match(ofSimilarity([0.5, 0.5, 0.1]), /^2 slots/);
  assert.match(ofSimilarity([0.5, 0.4, 0.1]), /^Slot 0 is most/);
});

test("a weighting that was set is not explained by the stages", () => {
  const at = {
    head: "read.0", step: 3, previous: [1, 0], shifts: [0], isSet: true,
    controls: { key: [], strength: 1, gate: 1, shift: [1], sharpening: 1 },
    stages: { content: [1, 0], gated: [1, 0], shifted: [1, 0], weighting: [0, 1] },
  };
  assert.match(ofStep(at), /slot 1 \(100 %\): a change set its weighting/);
  assert.match(ofStep({ ...at, stages: { ...at.stages, weighting: [0, 0] } }), /reads nothing/);
});
