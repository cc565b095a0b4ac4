// @ts-check
// The page of the API where the service wants a key: asks for one, then shows what it describes.

import { ask } from "../parts/api.js";
import { askInPage } from "../parts/key-dialog.js";

const operations = /** @type {HTMLElement} */ (document.getElementById("operations"));

/** Opens the document for programs, which a link alone cannot: a browser sends no key with it. */
async function openDocument() {
  const answer = await ask("openapi.json");
  location.href = URL.createObjectURL(await answer.blob());
}

askInPage();
const answer = await ask("docs/operations");
const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
operations.replaceChildren(...parsed.body.childNodes);
operations.querySelector('a[href="openapi.json"]')?.addEventListener("click", (event) => {
  event.preventDefault();
  void openDocument();
});
