/** Short facts about one thing: a name and what it is. */
import { html } from "../lib/ui.js";

/**
 * @param {{ of: readonly (readonly [name: string, value: import("../lib/ui.js").Children])[] }} props A fact without a value is
 *     left out.
 */
export function Facts({ of }) {
  const known = of.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return html`
    <dl class="facts">
      ${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  `;
}
