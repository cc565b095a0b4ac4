// @ts-check
// Colours: maps of 256, the theme's inks. All of them can be told apart without red and green.

const VIRIDIS =
  "440154 481567 482677 453781 404788 39568c 33638d 2d708e 287d8e 238a8d 1f968b 20a387 29af7f " +
  "3cbb75 55c667 73d055 95d840 b8de29 dce319 fde725";
const GREY = "000000 ffffff";
const SIGNED = {
  light: "2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b",
  dark: "9ecbff 5fa2e8 3a72b5 25466f 1d2127 5e3521 a0562a dd8243 ffc08a",
};

/** @typedef {Uint32Array} Map256 colours by code; code 0 is no value */

/**
 * @typedef {object} Look
 * @property {boolean} dark
 * @property {Map256} values 0 to 1
 * @property {Map256} signed −1 to 1
 * @property {Map256} difference −1 to 1, diverging whatever the map of values
 * @property {string} ink
 * @property {string} faint
 * @property {string} rule
 * @property {string} paper
 * @property {string} accent
 * @property {string} wrong
 * @property {string[]} lines
 */

/**
 * Colours between anchors, for codes 1 to 255.
 *
 * @param {string} anchors
 * @param {number} nothing the colour of code 0, as ABGR
 * @returns {Map256}
 */
function mapOf(anchors, nothing) {
  const points = anchors.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const map = new Uint32Array(256);
  map[0] = nothing;
  for (let code = 1; code < 256; code++) {
    const place = ((code - 1) / 254) * (points.length - 1);
    const before = Math.min(points.length - 2, Math.floor(place));
    const share = place - before;
    const [r, g, b] = points[before].map((low, i) => Math.round(low + share * (points[before + 1][i] - low)));
    map[code] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return map;
}

/** Which map and theme the person has chosen; `change` events tell of another choice. */
export class Palette extends EventTarget {
  constructor() {
    super();
    this.map = localStorage.getItem("ntm-map") === "grey" ? "grey" : "viridis";
    this.system = window.matchMedia("(prefers-color-scheme: dark)");
    this.theme = localStorage.getItem("ntm-theme") ?? "system";
    this.system.addEventListener("change", () => this.apply());
    /** @type {Look} */
    this.look = this.apply();
  }

  /**
   * @param {{map?: string, theme?: string}} chosen
   */
  choose(chosen) {
    Object.assign(this, chosen);
    localStorage.setItem("ntm-map", this.map);
    localStorage.setItem("ntm-theme", this.theme);
    this.apply();
  }

  /** @returns {Look} */
  apply() {
    const dark = this.theme === "system" ? this.system.matches : this.theme === "dark";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    const style = getComputedStyle(document.documentElement);
    const ink = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const nothing = dark ? 0xff241f1b : 0xffeef2f4;
    const grey = this.map === "grey";
    const difference = mapOf(dark ? SIGNED.dark : SIGNED.light, nothing);
    this.look = {
      dark,
      values: mapOf(grey ? GREY : VIRIDIS, nothing),
      signed: grey ? mapOf(GREY, nothing) : difference,
      difference,
      ink: ink("ink"),
      faint: ink("faint"),
      rule: ink("rule"),
      paper: ink("paper"),
      accent: ink("accent"),
      wrong: ink("wrong"),
      lines: [ink("line-1"), ink("line-2"), ink("line-3"), ink("line-4")],
    };
    this.dispatchEvent(new Event("change"));
    return this.look;
  }
}
