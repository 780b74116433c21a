/** What the next cycle of a scope waits for, each floor with how far it is. */
import { count } from "../lib/format.js";
import { html } from "../lib/ui.js";
import { strings } from "./strings.js";

/**
 * @typedef {object} Waiting
 * @property {number} judgements
 * @property {number} judgements_needed
 * @property {number} new
 * @property {number} new_needed
 * @property {number} voters
 * @property {number} voters_needed
 */

/** @param {{ of: Waiting }} props */
export function Floors({ of }) {
  const words = strings.console.floors;
  /** @type {readonly [string, number, number][]} */
  const floors = [
    [words.judgements, of.judgements, of.judgements_needed],
    [words.fresh, of.new, of.new_needed],
    [words.voters, of.voters, of.voters_needed],
  ];
  return html`
    <dl class="floors">
      ${floors
        .filter(([, , needed]) => needed > 0)
        .map(
          ([name, have, needed]) => html`<div>
            <dt>${name}</dt>
            <dd>
              <progress aria-label=${name} max=${needed} value=${Math.min(have, needed)}></progress>
              ${words.of(count(have), count(needed))}
            </dd>
          </div>`,
        )}
    </dl>
  `;
}
