// @ts-check
// Asks for an API key where the service wants one. It stays in this tab and goes nowhere else.

import { onKeyNeeded } from "./api.js";
import { make } from "./element.js";

/** Has the page ask for a key when one is needed. */
export function askInPage() {
  const input = make("input", { type: "password", id: "api-key", autocomplete: "off", required: true });
  const form = make(
    "form",
    { method: "dialog" },
    make("h2", { id: "key-title" }, "This service asks for a key"),
    make("label", { for: "api-key" }, "API key"),
    input,
    make("p", { class: "note" }, "It is kept in this tab until you close it, and sent to this service only."),
    make("button", { type: "submit", class: "primary" }, "Use this key"),
  );
  const dialog = make("dialog", { "aria-labelledby": "key-title" }, form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  onKeyNeeded(
    () =>
      new Promise((resolve) => {
        input.value = "";
        form.onsubmit = () => resolve(input.value.trim());
        dialog.showModal();
      }),
  );
}
