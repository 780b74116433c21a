/** Names and values side by side; what has no value is left out. */
import { html } from "../lib/ui.js";

/** @param {{ of: readonly (readonly [name: string, value: import("../lib/ui.js").Children])[] }} props */
export function Facts({ of }) {
  return html`
    <dl class="facts">
      ${of
        .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
        .map(
          ([name, value]) => html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
        )}
    </dl>
  `;
}
