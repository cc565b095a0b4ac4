// @ts-check
// Asks the service: its public HTTP API and nothing else.

import { parse } from "./safetensors.js";

/** Where the service is: one above the folder of this file. */
export const ROOT = new URL("../..", import.meta.url);

const KEY = "ntm-api-key";

/** An answer that says what is wrong. */
export class Refusal extends Error {
  /**
   * @param {string} message what the service said
   * @param {number} status 0 where it could not be reached
   * @param {string} code
   */
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @type {() => Promise<string>} asks the person for a key */
let askForKey = () => Promise.reject(new Refusal("a key is needed", 401, "unauthorized"));

/** @param {() => Promise<string>} ask */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/** Whether requests carry a key. */
export function hasKey() {
  return sessionStorage.getItem(KEY) !== null;
}

/** @type {Promise<string> | null} one question at a time, however many requests wait */
let asking = null;

/**
 * Sends a request, with the key where one is needed.
 *
 * @param {string} path below the root, such as `trace/abc`
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} one that went well
 * @throws {Refusal}
 */
export async function ask(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = new Headers(options.headers);
    if (key !== null) headers.set("Authorization", `Bearer ${key}`);
    let answer;
    try {
      answer = await fetch(new URL(path, ROOT), { ...options, headers });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Refusal("The service does not answer. Is it running?", 0, "unreachable");
    }
    if (answer.ok) return answer;
    if (answer.status !== 401) throw await refusalOf(answer);
    if (sessionStorage.getItem(KEY) === key) {
      asking ??= askForKey().finally(() => (asking = null));
      sessionStorage.setItem(KEY, await asking);
    }
  }
}

/**
 * @param {Response} answer
 * @returns {Promise<Refusal>}
 */
async function refusalOf(answer) {
  try {
    const told = await answer.json();
    return new Refusal(told.error, answer.status, told.code);
  } catch {
    return new Refusal(`The service answered ${answer.status}.`, answer.status, "unknown");
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>} what the JSON says
 */
export async function askJson(path, options) {
  return (await ask(path, options)).json();
}

/**
 * @param {string} path
 * @param {any} body sent as JSON
 * @returns {Promise<any>}
 */
export function send(path, body) {
  const headers = { "Content-Type": "application/json" };
  return askJson(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/**
 * @param {string} path of an answer in safetensors
 * @param {AbortSignal} [signal]
 * @returns {Promise<import("./safetensors.js").File>}
 */
export async function askTensors(path, signal) {
  const headers = { Accept: "application/vnd.safetensors" };
  return parse(await (await ask(path, { headers, signal })).arrayBuffer());
}

/**
 * A query, without what is not told.
 *
 * @param {Record<string, string | number | null | undefined>} told
 * @returns {string}
 */
export function query(told) {
  const parts = Object.entries(told).filter(([, value]) => value !== null && value !== undefined);
  return new URLSearchParams(parts.map(([name, value]) => [name, String(value)])).toString();
}
