// @ts-check
// What each task asks of the machine, in a sentence, and what its outputs are.

const SENTENCES = /** @type {Record<string, string>} */ ({
  copy: "The machine hears a sequence of bits, stores it slot by slot, and says it again.",
  "repeat-copy": "The machine hears a sequence of bits and a number, and says the sequence that many times.",
  "associative-recall": "The machine hears a list of items, then one of them again, and says the item that came after it.",
  "dynamic-ngrams": "The machine hears bits that follow a table it does not know, and says at every step how likely a 1 is next.",
  "priority-sort": "The machine hears vectors, each with a priority, and says those with the highest, in order.",
  "reuse-copy": "The machine hears a sequence of bits and says it, then the next one, in fewer slots than they fill together.",
  graph: "The machine hears the edges of a graph, then those of a walk, and says which node each leads to.",
});

/**
 * @param {string | undefined} task
 * @returns {string} empty for a task that is not known here
 */
export function sentenceOfTask(task) {
  return SENTENCES[task ?? ""] ?? "";
}

/**
 * Whether a task asks for probabilities: then no bit is wrong, but saying how likely it was has a cost.
 *
 * @param {string | undefined} task
 */
export function isPrediction(task) {
  return task === "dynamic-ngrams";
}
