// @ts-check
// The time axis: numbers of steps, phases by name, marks.

import { fit } from "./element.js";

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./palette.js").Look} look
 * @param {[number, number]} range
 * @param {import("./track-stack.js").StackFacts} facts
 */
export function paintRuler(canvas, look, [a, b], facts) {
  const { context, width, height, ratio } = fit(canvas);
  const x = (/** @type {number} */ step) => ((step - a) / (b - a)) * width;
  context.clearRect(0, 0, width, height);
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const band = 18 * ratio;
  facts.phases.forEach((phase, i) => {
    const [from, to] = [Math.max(0, x(phase.start)), Math.min(width, x(phase.stop))];
    if (to <= from) return;
    context.fillStyle = look.rule;
    context.globalAlpha = i % 2 ? 0.9 : 0.5;
    context.fillRect(from, 0, to - from, band);
    context.globalAlpha = 1;
    context.fillStyle = look.ink;
    const room = to - from - 8 * ratio;
    if (context.measureText(phase.name).width < room)
      context.fillText(phase.name, from + 5 * ratio, band / 2);
  });
  context.fillStyle = look.faint;
  context.strokeStyle = look.faint;
  context.lineWidth = ratio;
  const apart = spacing((b - a) / (width / (54 * ratio)));
  const middle = height - 8 * ratio;
  for (let step = Math.ceil(a / apart) * apart; step < b; step += apart) {
    const text = String(step);
    const at = x(step + 0.5);
    const wide = context.measureText(text).width;
    context.fillText(text, Math.max(0, Math.min(width - wide, at - wide / 2)), middle);
  }
  for (const mark of facts.marks ?? []) {
    if (mark.step < a || mark.step >= b) continue;
    const wide = context.measureText(mark.name).width + 8 * ratio;
    const before = x(mark.step) - wide - 3 * ratio; // the cursor stands at the mark or after it
    const from = before >= 0 ? before : x(mark.step + 1) + 3 * ratio;
    context.fillStyle = look.paper;
    context.fillRect(from, 0, wide, band);
    context.fillStyle = look.wrong;
    context.fillText(mark.name, from + 4 * ratio, band / 2);
  }
}

/**
 * @param {number} least
 * @returns {number} 1, 2 or 5 times a power of ten, at least that
 */
function spacing(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  for (const times of [1, 2, 5]) if (times * power >= least) return times * power;
  return 10 * power;
}
