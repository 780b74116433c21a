/** What a cycle learned from: how many judgements counted, why others did not, and how weight is shared among people. */
import { count, percent, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Facts } from "../facts.js";

/**
 * @typedef {object} DataCard
 * @property {number} records
 * @property {number} used
 * @property {Record<string, number>} left_out
 * @property {{ examples: number, comparisons: number, ties: number, up: number, down: number, targets: number, voters: number }} counts
 * @property {{ count: number, largest: number, effective: number }} voters
 * @property {number} voter_cap
 * @property {Record<string, number>} versions
 * @property {Record<string, number>} segments
 * @property {Record<string, number>} reasons
 * @property {number | null} first_at
 * @property {number | null} last_at
 * @property {{ message: string }[]} weaknesses
 * @property {string[]} notes
 * @property {Record<string, number>} [parts]
 */

/** @param {{ card: DataCard }} props */
export function Data({ card }) {
  const words = strings.console.cycles.data;
  const out = Object.entries(card.left_out);
  const { counts, voters } = card;
  return html`
    <p class="lead">${words.used(count(card.used), count(card.records))}</p>
    <progress max=${card.records || 1} value=${card.used} aria-label=${words.used(count(card.used), count(card.records))}></progress>
    ${card.first_at !== null &&
    card.last_at !== null &&
    html`<p>
      ${words.span(when(card.first_at), when(card.last_at))}
      ${" "}<a href=${link(["console", "feedback"], { since: day(card.first_at), until: day(card.last_at) })}>${words.look}</a>
    </p>`}
    <${Facts}
      of=${[
        [words.examples, count(counts.examples)],
        [words.up, count(counts.up)],
        [words.down, count(counts.down)],
        [words.comparisons, count(counts.comparisons)],
        [words.ties, count(counts.ties)],
        [words.corrections, counts.targets > 0 && count(counts.targets)],
        [words.voters, words.people(count(voters.count), voters.effective.toFixed(0), percent(voters.largest, 1))],
      ]}
    />
    ${out.length > 0 && html`<${Counted} title=${words.leftOut} unit=${words.judgements} of=${out} said=${count} />`}
    <details>
      <summary>${words.more}</summary>
      <div class="stack">
        <${Counted} title=${words.versions} unit=${words.answers} of=${Object.entries(card.versions)} said=${count} />
        <${Counted} title=${words.segments} unit=${words.share} of=${Object.entries(card.segments)} said=${percent} />
        <${Counted} title=${words.reasons} unit=${words.judgements} of=${Object.entries(card.reasons)} said=${count} />
        <${Counted} title=${words.parts} unit=${words.prompts} of=${Object.entries(card.parts ?? {})} said=${count} />
      </div>
    </details>
    ${[...card.weaknesses.map((one) => one.message), ...card.notes].map((note) => html`<p class="note">${note}</p>`)}
  `;
}

/** @param {number} at @returns {string} */
function day(at) {
  const date = new Date(at * 1000);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** @param {{ title: string, unit: string, of: [string, number][], said: (value: number) => string }} props */
function Counted({ title, unit, of, said }) {
  if (of.length === 0) return null;
  return html`
    <table class="counted">
      <thead>
        <tr>
          <th scope="col">${title}</th>
          <th scope="col">${unit}</th>
        </tr>
      </thead>
      <tbody>
        ${of.map(
          ([name, value]) => html`<tr>
            <th scope="row">${name}</th>
            <td>${said(value)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  `;
}
