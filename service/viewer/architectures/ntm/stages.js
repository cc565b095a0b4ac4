// @ts-check
// The stages of addressing in the order of computation, each with its equation in the paper.

/** @typedef {"key_strength" | "gate" | "shift" | "sharpening"} Control */

/**
 * @typedef {object} StageFacts
 * @property {string} id
 * @property {string} name
 * @property {(string | [string, string])[]} formula text, or ["sub" | "sup" | "i", text]
 * @property {Control | null} control
 */

/** @type {StageFacts[]} */
export const STAGES = [
  {
    id: "similarity",
    name: "1  Compare the key with every slot",
    formula: ["K[", ["i", "k"], ", ", ["i", "M"], "(i)] = ", ["i", "k"], " · ", ["i", "M"], "(i) / (‖", ["i", "k"], "‖ ‖", ["i", "M"], "(i)‖)   Eq. 6"],
    control: null,
  },
  {
    id: "content",
    name: "2  Content weighting",
    formula: [["i", "w"], ["sup", "c"], "(i) = softmax( β K[", ["i", "k"], ", ", ["i", "M"], "(i)] )   Eq. 5"],
    control: "key_strength",
  },
  {
    id: "gated",
    name: "3  Gate",
    formula: [["i", "w"], ["sup", "g"], " = g ", ["i", "w"], ["sup", "c"], " + (1 − g) ", ["i", "w"], ["sub", "t−1"], "   Eq. 7"],
    control: "gate",
  },
  {
    id: "shifted",
    name: "4  Shift",
    formula: [["i", "w̃"], "(i) = Σ", ["sub", "j"], " ", ["i", "w"], ["sup", "g"], "(j) ", ["i", "s"], "(i − j)   Eq. 8"],
    control: "shift",
  },
  {
    id: "weighting",
    name: "5  Sharpen",
    formula: [["i", "w"], "(i) = ", ["i", "w̃"], "(i)", ["sup", "γ"], " / Σ", ["sub", "j"], " ", ["i", "w̃"], "(j)", ["sup", "γ"], "   Eq. 9"],
    control: "sharpening",
  },
];

/** What the numbers of a stage mean, in a few words beside its row. */
export const NOTES = {
  gate: "0 keeps, 1 jumps",
  key_strength: "how sharply content matches",
  shift: "expected, in slots",
  sharpening: "1 leaves as it is",
};
export const SYMBOLS = { key_strength: "β", gate: "g", shift: "s", sharpening: "γ" };
