// @ts-check
// Makes elements. Text goes in as text: nothing a server or a person says becomes markup.

/**
 * An element with properties, attributes and children.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [told] `class`, `on` ({event: listener}), `aria-...` and other
 *   attributes with a dash or that are strings on unknown names; everything else is a property
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, told = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(told)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name.includes("-") || name === "role" || name === "for" || name === "list")
      element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  fill(element, ...children);
  return element;
}

/**
 * Puts children in the place of those that are there.
 *
 * @param {Element} element
 * @param {...(Node | string | null | undefined | false)} children
 */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
}

/**
 * The element with this id, which the page has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function found(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * A drawing context of a canvas whose pixels are those of the screen.
 *
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number, ratio: number}}
 *   width and height in device pixels, and how many of them a CSS pixel has
 */
export function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  return { context, width, height, ratio };
}

/**
 * A number as people read it: four digits, no noise.
 *
 * @param {number} value
 * @returns {string}
 */
export function told(value) {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001 || size >= 100000) return value.toExponential(3).replaceAll("-", "−");
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

/**
 * A share in percent.
 *
 * @param {number} share
 * @returns {string}
 */
export function percent(share) {
  const hundredths = share * 100;
  const size = Math.abs(hundredths);
  if (size > 0 && size < 0.05) return "< 0.1 %";
  const digits = size > 99 && size < 99.95 ? 1 : size < 10 && size >= 0.05 ? 1 : 0;
  return `${hundredths.toFixed(digits).replace("-", "−")} %`;
}
