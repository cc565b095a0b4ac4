// @ts-check
// The two choices of how things look: the map of colours, and light or dark.

import { found } from "./element.js";

/** @param {import("./palette.js").Palette} palette */
export function offerLooks(palette) {
  const map = /** @type {HTMLSelectElement} */ (found("map"));
  const theme = /** @type {HTMLSelectElement} */ (found("theme"));
  map.value = palette.map;
  theme.value = palette.theme;
  map.addEventListener("change", () => palette.choose({ map: map.value }));
  theme.addEventListener("change", () => palette.choose({ theme: theme.value }));
}
