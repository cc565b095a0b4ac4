// @ts-check
// Reads safetensors: 8 bytes of length, a JSON header, then numbers as they are.

/**
 * @typedef {object} Tensor
 * @property {number[]} shape
 * @property {Float32Array} data row-major
 */

/**
 * @typedef {object} File
 * @property {Record<string, any>} facts the metadata, its JSON read
 * @property {Record<string, Tensor>} tensors by name
 */

/**
 * @param {ArrayBuffer} buffer
 * @returns {File}
 * @throws {Error} it is no safetensors file of 32-bit floats
 */
export function parse(buffer) {
  if (buffer.byteLength < 8) throw new Error("the answer is no safetensors file");
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  if (8 + length > buffer.byteLength) throw new Error("the answer is no safetensors file");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (entry.dtype !== "F32") throw new Error(`tensor ${name} should be F32, got ${entry.dtype}`);
    const [start, stop] = entry.data_offsets;
    const at = 8 + length + start;
    const aligned = at % 4 === 0;
    const data = aligned
      ? new Float32Array(buffer, at, (stop - start) / 4)
      : new Float32Array(buffer.slice(at, 8 + length + stop));
    tensors[name] = { shape: entry.shape, data };
  }
  return { facts: factsOf(header.__metadata__ ?? {}), tensors };
}

/**
 * @param {Record<string, string>} metadata
 * @returns {Record<string, any>}
 */
function factsOf(metadata) {
  /** @type {Record<string, any>} */
  const facts = {};
  for (const [name, text] of Object.entries(metadata)) facts[name] = valueOf(name, text);
  return facts;
}

const TEXTS = new Set(["trace_id", "model", "model_digest", "engine", "reads_see"]);

/**
 * @param {string} name
 * @param {string} text
 */
function valueOf(name, text) {
  return TEXTS.has(name) ? text : JSON.parse(text);
}
