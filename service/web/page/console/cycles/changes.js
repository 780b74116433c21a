/** Held-out questions that the new version answers differently, side by side, with which one the judge likes more. */
import { Badge } from "../../kit/badge.js";
import { Loaded } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { api, withQuery } from "../../lib/api.js";
import { percent } from "../../lib/format.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

const A_PAGE = 10;

/**
 * @typedef {object} Change
 * @property {string} id
 * @property {string} question
 * @property {string | null} segment
 * @property {{ number: number, title: string, content: string }[]} passages
 * @property {{ text: string, abstained: boolean }} champion
 * @property {{ text: string, abstained: boolean }} candidate
 * @property {number | null} preferred The judge's probability that the candidate's is better.
 */

/** @param {{ path: string }} props Of the cycle. */
export function Changes({ path }) {
  const words = strings.console.cycles;
  const pages = usePages((after) => api.get(withQuery(`${path}/changes`, { limit: A_PAGE, after })), [path]);
  return html`
    <section class="card stack" aria-label=${words.sections.changes}>
      <h2>${words.sections.changes}</h2>
      <p class="faint">${words.changes.intro}</p>
      <${Loaded} of=${pages}>
        ${(/** @type {Change[]} */ rows) => html`
          ${rows.length === 0 && html`<p class="nothing faint">${words.changes.none}</p>`}
          <ol class="bare stack">
            ${rows.map((row) => html`<${One} key=${row.id} change=${row} />`)}
          </ol>
          ${pages.more && html`<p><button class="button" disabled=${pages.loading} onClick=${pages.near}>${strings.more}</button></p>`}
        `}
      <//>
    </section>
  `;
}

/** @param {{ change: Change }} props */
function One({ change }) {
  const words = strings.console.cycles.changes;
  const { preferred } = change;
  const side = (/** @type {"champion" | "candidate"} */ who, /** @type {boolean} */ liked) => html`
    <div class=${`change-side ${liked ? "liked" : ""}`}>
      <p class="row tight small faint">
        ${words[who]}${liked && html`<${Badge} kind="good">${words.liked}<//>`}
        ${change[who].abstained && html`<${Badge} kind="warn">${words.silent}<//>`}
      </p>
      <p class="said-text">${change[who].text}</p>
    </div>
  `;
  return html`
    <li class="change stack">
      <p class="asked">${change.question}</p>
      <div class="sides">
        ${side("champion", preferred !== null && preferred < 0.5)} ${side("candidate", preferred !== null && preferred > 0.5)}
      </div>
      ${preferred !== null &&
      html`<div class="preferred">
        <meter min="0" max="1" value=${preferred} aria-label=${words.meter}></meter>
        <span class="small">${words.preferred(percent(preferred))}</span>
      </div>`}
      ${change.passages.length > 0 &&
      html`<details>
        <summary>${words.passages(change.passages.length)}</summary>
        <ol class="small">
          ${change.passages.map((one) => html`<li value=${one.number}><strong>${one.title}</strong> ${one.content}</li>`)}
        </ol>
      </details>`}
    </li>
  `;
}
