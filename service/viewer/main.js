// @ts-check
// The page: which parts there are, and what happens when the place changes.

import { askJson, send } from "./parts/api.js";
import { Changes, sentenceOf } from "./parts/changes.js";
import { Compare } from "./pages/compare.js";
import { Downloads } from "./pages/watch/downloads.js";
import { fill, found, make } from "./parts/element.js";
import { Findings } from "./pages/watch/findings.js";
import { HeatTrack } from "./parts/heat-track.js";
import { askInPage } from "./parts/key-dialog.js";
import { Legend } from "./parts/legend.js";
import { Live } from "./pages/live.js";
import { offerLooks } from "./parts/looks.js";
import { Memory } from "./architectures/ntm/memory.js";
import { Microscope } from "./architectures/ntm/microscope.js";
import { slotsNote, tracksOf } from "./pages/watch/overview.js";
import { Palette } from "./parts/palette.js";
import { Place } from "./parts/place.js";
import { bare, load } from "./parts/run.js";
import { RunForm } from "./pages/watch/run-form.js";
import { Story } from "./pages/story.js";
import { Traces } from "./pages/traces.js";
import { TrackStack } from "./parts/track-stack.js";
import { Transport } from "./parts/transport.js";
import { WhatIf } from "./pages/watch/what-if.js";

/** @typedef {import("./parts/run.js").Run} Run */

const place = new Place();
const palette = new Palette();
const changes = new Changes();
const form = new RunForm();
const transport = new Transport(place);
const microscope = new Microscope(place, palette, changes);
const memory = new Memory(place, palette);
const whatIf = new WhatIf(changes, place);
const findings = new Findings(place);
const compare = new Compare(place, palette);
const story = new Story(palette);
const traces = new Traces(place);
const live = new Live(place, palette);
const legend = new Legend(palette);
const downloads = new Downloads(place);

/** @type {{run: Run | null, stack: TrackStack | null, loading: AbortController | null, compared: string}} */
const now = { run: null, stack: null, loading: null, compared: "" };

/** @type {Map<string, string>} what the service warned of when a run was made, by trace */
const warnings = new Map();

/** Puts the parts where the page has room for them. */
function build() {
  askInPage();
  found("run").append(form);
  found("transport").append(transport, legend);
  found("microscope").append(microscope);
  found("memory").append(memory);
  found("what-if").append(whatIf);
  found("findings").append(findings);
  found("compare").append(compare);
  found("story").append(story);
  found("traces").append(traces);
  found("live").append(live);
  found("downloads").append(downloads);
  whatIf.head = chosenHead;
  downloads.head = chosenHead;
  for (const link of document.querySelectorAll("nav a[data-view]"))
    link.addEventListener("click", (event) => {
      event.preventDefault();
      place.go({ view: /** @type {any} */ (/** @type {HTMLElement} */ (link).dataset.view) });
    });
  offerLooks(palette);
  form.addEventListener("ran", (event) => {
    const { trace_id: trace, warning } = /** @type {CustomEvent} */ (event).detail;
    if (warning) warnings.set(trace, warning);
    place.go({ view: "watch", trace, other: null, step: 0, range: null });
  });
  found("begin").addEventListener("click", () => form.run());
  found("again").addEventListener("click", () => openTrace());
  microscope.addEventListener("pin", (event) => {
    const { control, value } = /** @type {CustomEvent} */ (event).detail;
    changes.put({ steps: whatIf.steps(), head: chosenHead(), set: { [control]: value } });
  });
  memory.addEventListener("cell", (event) => whatIf.askCell(/** @type {CustomEvent} */ (event).detail));
  whatIf.addEventListener("rerun", rerun);
  changes.addEventListener("change", showPending);
  found("overview").addEventListener("edit", editInput);
  document.addEventListener("keydown", onKey);
  place.onChange(onPlace);
}

/**
 * A bit of the input that somebody flips, or a number that is asked for: a change of the run at
 * that step.
 *
 * @param {Event} event
 */
function editInput(event) {
  const track = /** @type {HTMLElement} */ (event.target);
  const point = /** @type {CustomEvent} */ (event).detail;
  if (track.dataset.track !== "inputs" || !now.run || !point) return;
  const before = changes.items.findLast((item) => item.steps === point.step && item.set.input)?.set.input;
  const row = before ?? [.../** @type {any} */ (now.run.plane("inputs")).row(point.step)];
  const value = row[point.row];
  const put = (/** @type {number} */ number) =>
    changes.put({ steps: point.step, set: { input: row.toSpliced(point.row, 1, number) } });
  if (value === 0 || value === 1) put(1 - value);
  else whatIf.askNumber(`Input at step ${point.step}, number ${point.row}`, value, put);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const isField = /** @type {HTMLElement} */ (event.target).matches?.("input, select, textarea, button, summary");
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !/** @type {HTMLElement} */ (event.target).matches?.("input[type=number], input[type=search], input[type=password]")) {
    event.preventDefault();
    changes.undo();
  } else if (event.key === " " && !isField && place.spot.view === "watch" && now.run) {
    event.preventDefault();
    transport.toggle();
  }
}

async function rerun() {
  const { run } = now;
  if (!run) return;
  whatIf.rerun.disabled = true;
  whatIf.tell("");
  try {
    const body = run.request();
    body.interventions = [...(body.interventions ?? []), ...changes.items];
    const answer = await send("predict", body);
    if (answer.warning) warnings.set(answer.trace_id, answer.warning);
    place.go({ view: "compare", other: answer.trace_id });
  } catch (error) {
    whatIf.tell(/** @type {Error} */ (error).message);
  } finally {
    whatIf.rerun.disabled = !changes.items.length;
  }
}

/** Says that what is shown is the run as it was, while changes of it wait to be run. */
function showPending() {
  const count = changes.items.length;
  const note = found("pending");
  note.hidden = !count;
  note.textContent =
    `${count} ${count === 1 ? "change is" : "changes are"} not run yet: score, overview, memory and findings show the run ` +
    "without. Outlines and lines that begin with “With your change” show what would be.";
}

/** @param {Set<string>} changed */
function onPlace(changed) {
  if (changed.has("view")) showView();
  if (changed.has("trace")) openTrace();
  else if (changed.has("view") || changed.has("other")) openOther();
  if (now.run && (changed.has("slots") || changed.has("range"))) showSlots(now.run);
  if (changed.has("step") || changed.has("head") || changed.has("slots") || changed.has("range")) {
    if (changed.has("step") || changed.has("head")) microscope.followFocus();
    memory.wants();
    microscope.wants();
    highlight();
  }
}

function showView() {
  const { view } = place.spot;
  for (const part of document.querySelectorAll("main > [data-view]"))
    /** @type {HTMLElement} */ (part).hidden = /** @type {HTMLElement} */ (part).dataset.view !== view;
  for (const link of document.querySelectorAll("nav a[data-view]"))
    if (/** @type {HTMLElement} */ (link).dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  if (view === "traces") traces.load();
  if (view === "story") story.begin();
  if (view !== "watch") transport.pause();
  now.stack?.wants("base");
  microscope.wants();
  memory.wants();
}

/** Loads the trace of the place and shows it. */
async function openTrace() {
  const { trace } = place.spot;
  now.loading?.abort();
  now.loading = new AbortController();
  const { signal } = now.loading;
  changes.items = [];
  changes.past = [];
  changes.replace([]);
  changes.past = [];
  whatIf.show();
  if (!trace) {
    now.run = null;
    state("empty");
    return;
  }
  if (now.run?.trace !== trace) {
    state("loading");
    try {
      now.run = await load(trace, signal);
    } catch (error) {
      if (signal.aborted) return;
      now.run = null;
      found("failure-text").textContent = /** @type {Error} */ (error).message;
      state("failed");
      return;
    }
  }
  if (!signal.aborted && now.run) showRun(now.run);
  await openOther();
}

/** @param {"empty" | "loading" | "failed" | "shown"} name */
function state(name) {
  document.body.dataset.state = name;
  for (const part of document.querySelectorAll("[data-state-of]"))
    /** @type {HTMLElement} */ (part).hidden = /** @type {HTMLElement} */ (part).dataset.stateOf !== name;
}

/** @param {Run} run */
function showRun(run) {
  state("shown");
  const score = run.score();
  const where = run.slots ? `on ${run.slots} memory slots` : "without memory slots, so there is nothing to address";
  const partly = run.steps < run.facts.steps ? ` (the first ${run.steps} are shown: all would be too large for the page)` : "";
  fill(
    found("summary"),
    make("strong", {}, run.name),
    ` ran ${run.facts.steps} ${run.facts.steps === 1 ? "step" : "steps"}${partly} ${where}: `,
    make("strong", { class: score.bad ? "bad" : "" }, score.text),
    `. Trace `,
    make("code", {}, run.trace),
  );
  const items = run.facts.interventions ?? [];
  const warning = run.facts.warning ?? warnings.get(run.trace);
  found("warning").hidden = !warning;
  found("warning").textContent = warning ?? "";
  const note = found("changed");
  note.hidden = !items.length;
  note.textContent = `In this run: ${items.map((/** @type {any} */ item) => sentenceOf(/** @type {any} */ (bare(item)))).join("; ")}.`;
  document.title = `${run.name}, ${run.steps} steps · Neural Turing Machine`;
  downloads.run = run;
  form.follow({ model: run.facts.model, version: run.facts.version });
  whatIf.setRun(run);
  microscope.setRun(offered("microscope", run, Microscope));
  showOverview(run);
  microscope.followFocus();
  memory.setRun(offered("memory", run, Memory));
  findings.setRun(run);
}

/** @returns {string} the head looked at */
function chosenHead() {
  return now.run?.chosen(place.spot.head) ?? "read.0";
}

/**
 * Shows the section of a part where it can explain a run's model.
 *
 * @param {string} id
 * @param {Run} run
 * @param {{explains: (signature: Run["signature"]) => boolean}} part
 * @returns {Run | null} the run, if it is explained
 */
function offered(id, run, part) {
  const isExplained = part.explains(run.signature);
  /** @type {HTMLElement} */ (found(id).closest("section")).hidden = !isExplained;
  return isExplained ? run : null;
}

/**
 * Draws the slots that heads look at in the range shown, or all of them.
 *
 * @param {Run} run
 */
function showSlots(run) {
  if (!now.stack) return;
  run.used = run.usedIn(now.stack.range);
  const shown = place.spot.slots === "all" ? { first: 0, count: run.slots } : run.used;
  for (const track of now.stack.tracks)
    if (track instanceof HeatTrack && track.heat.rowName === "slot") track.setShown(shown, slotsNote(shown, run.slots));
  now.stack.wants("base");
}

/** @param {Run} run */
function showOverview(run) {
  now.stack?.end();
  now.stack = new TrackStack(tracksOf(run, place.spot.slots), { steps: run.steps, phases: run.facts.phases ?? [] }, place, palette);
  found("overview").append(now.stack);
  if (place.spot.range) showSlots(run);
  transport.follow(now.stack, run.steps);
  legend.show(run.heads, !run.predicts, now.stack.tracks);
  highlight();
}

/** Marks the tracks of the head that the microscope looks at. */
function highlight() {
  if (!now.stack) return;
  const head = chosenHead();
  for (const track of now.stack.tracks) {
    const id = track.facts.id;
    track.classList.toggle("chosen", id === head || id === `${head}.vector`);
  }
}

/** Compares with the other trace of the place, if that is the view. */
async function openOther() {
  const { view, other } = place.spot;
  if (view !== "compare") return;
  const { run } = now;
  const hint = found("compare-hint");
  hint.hidden = Boolean(run && other);
  if (!run || !other) {
    compare.end();
    now.compared = "";
    return;
  }
  const compared = `${run.trace} ${other}`;
  if (compared === now.compared) return;
  now.compared = compared;
  try {
    const right = await load(other, new AbortController().signal);
    if (compared === now.compared) await compare.show(run, right);
  } catch (error) {
    now.compared = "";
    compare.end();
    compare.append(
      make("p", { class: "error", role: "alert" }, `The two runs cannot be compared: ${/** @type {Error} */ (error).message}`),
      make("p", {}, "Choose two others in the list of traces, or run again on the Watch page."),
    );
  }
}

/** @param {any[]} models */
function offerStories(models) {
  const can = story.setModels(models);
  for (const link of document.querySelectorAll('nav a[data-view="story"]')) /** @type {HTMLElement} */ (link).hidden = !can;
  found("story-hint").hidden = can;
  story.hidden = !can;
  if (place.spot.view === "story") story.begin();
}

async function begin() {
  build();
  showView();
  state(place.spot.trace ? "loading" : "empty");
  try {
    const { models, broken } = await askJson("models");
    if (broken.length) found("broken").textContent = broken.map((/** @type {any} */ one) => `${one.name}${one.version ? `/${one.version}` : ""} could not be loaded: ${one.error}`).join(" ");
    traces.setModels(models.map((/** @type {any} */ model) => model.name));
    live.setModels(models);
    offerStories(models);
    form.setModels(models);
  } catch (error) {
    form.tell(/** @type {Error} */ (error).message);
  }
  if (place.spot.trace) await openTrace();
  else await openOther();
}

begin();
