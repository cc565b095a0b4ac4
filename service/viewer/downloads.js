// @ts-check
// A run to take away: figures, arrays, and the commands that give it again.

import { ROOT, ask, hasKey } from "./api.js";
import { make } from "./element.js";

/** @typedef {import("./run.js").Run} Run */

export class Downloads extends HTMLElement {
  /** @param {import("./place.js").Place} place */
  constructor(place) {
    super();
    this.place = place;
    /** @type {Run | null} */
    this.run = null;
    this.said = make("span", { class: "note", role: "status" });
    const button = (/** @type {string} */ text, /** @type {() => Promise<string>} */ click) =>
      make("button", { type: "button", on: { click: () => this.attempt(click) } }, text);
    this.append(
      button("PNG", () => this.save("png")),
      button("SVG", () => this.save("svg")),
      button("NPZ", () => this.save("npz")),
      button("Copy as curl", () => this.copy(curlOf)),
      button("Copy as Python", () => this.copy(pythonOf)),
      button("Copy link", async () => {
        this.place.settle();
        await navigator.clipboard.writeText(window.location.href);
        return "The link to this view is copied.";
      }),
      this.said,
    );
  }

  /** @param {() => Promise<string>} doing */
  async attempt(doing) {
    this.said.textContent = "One moment…";
    try {
      this.said.textContent = await doing();
    } catch (error) {
      this.said.textContent = `That did not work: ${/** @type {Error} */ (error).message}`;
    }
  }

  /** @param {"png" | "svg" | "npz"} format */
  async save(format) {
    const { trace, other, view, range } = this.place.spot;
    const asked = new URLSearchParams({ format });
    if (range) asked.set("steps", range.join(":"));
    if (format === "npz") asked.set("include", "inputs,outputs,target,read_weightings,write_weightings,addressing,writes,reads,controller,memory");
    else if (view === "compare" && other) {
      asked.set("figure", "difference");
      asked.set("other", other);
    }
    const answer = await ask(`trace/${trace}?${asked}`);
    const url = URL.createObjectURL(await answer.blob());
    make("a", { href: url, download: `${trace}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    return `${trace}.${format} is saved.`;
  }

  /** @param {(run: Run) => string} command */
  async copy(command) {
    if (!this.run) return "There is no run yet.";
    await navigator.clipboard.writeText(command(this.run));
    return "Copied.";
  }
}

/** @param {Run} run */
export function curlOf(run) {
  const key = hasKey() ? ` -H "Authorization: Bearer $NTM_API_KEY"` : "";
  const body = JSON.stringify(run.request()).replaceAll("'", "'\\''");
  return (
    `# the same run again, then the trace of the one you see\n` +
    `curl -s '${new URL("predict", ROOT)}'${key} -H 'Content-Type: application/json' -d '${body}'\n` +
    `curl -s '${new URL(`trace/${run.trace}?include=addressing,memory&format=npz`, ROOT)}'${key} -o ${run.trace}.npz\n`
  );
}

/** @param {Run} run */
export function pythonOf(run) {
  const key = hasKey() ? `, "Authorization": "Bearer " + os.environ["NTM_API_KEY"]` : "";
  return `import json
${hasKey() ? "import os\n" : ""}import urllib.request

request = json.loads(${JSON.stringify(JSON.stringify(run.request()))})
headers = {"Content-Type": "application/json"${key}}
body = json.dumps(request).encode()
asked = urllib.request.Request("${new URL("predict", ROOT)}", body, headers)
with urllib.request.urlopen(asked) as answer:
    run = json.load(answer)
print(run["trace_id"], run["steps"], "steps")
`;
}

customElements.define("ntm-downloads", Downloads);
