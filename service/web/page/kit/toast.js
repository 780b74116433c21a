/** Short words about what was just done. They are announced, and go by themselves; errors stay until they are closed. */
import { html, signal } from "../lib/ui.js";
import { strings } from "../strings.js";

const STAYS_MS = 5000;

/** @typedef {{ id: number, text: string, kind: "done" | "wrong" }} Toast */

const shown = signal(/** @type {Toast[]} */ ([]));
let count = 0;

/** @param {string} text @param {"done" | "wrong"} [kind] */
export function toast(text, kind = "done") {
  const id = ++count;
  shown.value = [...shown.value, { id, text, kind }];
  if (kind === "done") setTimeout(() => drop(id), STAYS_MS);
}

/** @param {number} id */
function drop(id) {
  shown.value = shown.value.filter((one) => one.id !== id);
}

export function Toasts() {
  return html`
    <div class="toasts" role="status">
      ${shown.value.map(
        (one) => html`
          <div key=${one.id} class=${`toast ${one.kind}`}>
            <span>${one.text}</span>
            <button class="button quiet" aria-label=${strings.close} onClick=${() => drop(one.id)}>×</button>
          </div>
        `,
      )}
    </div>
  `;
}
