// @ts-check
// A run to take away: figures, arrays, and the commands that give it again.

import { ROOT, Refusal, ask, hasKey } from "../../parts/api.js";
import { make } from "../../parts/element.js";

/** @typedef {import("../../parts/run.js").Run} Run */

export class Downloads extends HTMLElement {
  /** @param {import("../../parts/place.js").Place} place */
  constructor(place) {
    super();
    this.place = place;
    /** @type {Run | null} */
    this.run = null;
    this.figure = make(
      "select",
      { "aria-label": "figure to download" },
      make("option", { value: "overview" }, "the overview"),
      make("option", { value: "addressing" }, "this head’s stages"),
      make("option", { value: "memory" }, "the memory at this step"),
    );
    /** @returns {string} the head looked at */
    this.head = () => "read.0";
    this.said = make("span", { class: "note", role: "status" });
    const button = (/** @type {string} */ text, /** @type {() => Promise<string>} */ click) =>
      make("button", { type: "button", on: { click: () => this.attempt(click) } }, text);
    this.append(
      this.figure,
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
      this.said.textContent =
        error instanceof Refusal && error.status === 413
          ? "All steps are too large for one file: zoom in, and the steps shown are saved."
          : `That did not work: ${/** @type {Error} */ (error).message}`;
    }
  }

  /** @param {"png" | "svg" | "npz"} format */
  async save(format) {
    const { trace, range } = this.place.spot;
    const asked = new URLSearchParams({ format });
    const figure = format === "npz" ? "" : this.figure.value;
    if (range && figure !== "memory") asked.set("steps", range.join(":"));
    if (format === "npz") asked.set("include", "inputs,outputs,target,read_weightings,write_weightings,addressing,writes,reads,controller,memory");
    else asked.set("figure", figure);
    if (figure === "addressing") asked.set("heads", this.head());
    if (figure === "memory") {
      const step = Math.min(this.place.spot.step, (this.run?.steps ?? 1) - 1);
      asked.set("at", String(step));
      asked.set("steps", `${step}:${step + 1}`); // the memory of all steps may be too large to ask for
    }
    await saved(`trace/${trace}?${asked}`, `${trace}.${format}`);
    return `${trace}.${format} is saved.`;
  }

  /** @param {(run: Run) => string} command */
  async copy(command) {
    if (!this.run) return "There is no run yet.";
    await navigator.clipboard.writeText(command(this.run));
    return "Copied.";
  }
}

/**
 * Has the browser save an answer.
 *
 * @param {string} path
 * @param {string} name of the file
 */
export async function saved(path, name) {
  const url = URL.createObjectURL(await (await ask(path)).blob());
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {Run} run */
export function curlOf(run) {
  const key = hasKey() ? ` -H "Authorization: Bearer $NTM_API_KEY"` : "";
  const body = JSON.stringify(run.request()); // from standard input: an argument has a limit
  return (
    `# the same run again, then the trace of the one you see\n` +
    `curl -s '${new URL("predict", ROOT)}'${key} -H 'Content-Type: application/json' -d @- <<'END'\n${body}\nEND\n` +
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
