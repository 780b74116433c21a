/** The passages that an answer was shown: what it cites is marked in them, and what people marked is said. */
import { Badge } from "../../kit/badge.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/**
 * @typedef {object} Passage
 * @property {number} number What `[n]` in the text refers to.
 * @property {string} chunk_id
 * @property {string} title
 * @property {string} content
 * @property {number | null} [page_start]
 * @property {number | null} [score]
 */
/**
 * @typedef {object} Citation
 * @property {number} number
 * @property {string} chunk_id
 * @property {string} content The quote.
 * @property {boolean} verified
 */

/** @param {{ passages: Passage[], citations: Citation[], judgements: import("./judgements.js").OnAnswer[] }} props */
export function Passages({ passages, citations, judgements }) {
  const words = strings.console.feedback.replay;
  if (passages.length === 0) return html`<p class="nothing faint">${words.noPassages}</p>`;
  return html`
    <ol class="bare stack">
      ${passages.map((passage) => {
        const cited = citations.filter((one) => one.chunk_id === passage.chunk_id);
        return html`
          <li class="card shown-passage" key=${passage.chunk_id}>
            <p class="row tight">
              <span class="version">${words.number(passage.number)}</span>
              ${cited.length > 0 &&
              html`<${Badge} kind=${cited.every((one) => one.verified) ? "good" : "warn"}>
                ${words.cited(cited.every((one) => one.verified))}
              <//>`}
              <strong>${passage.title}</strong>
              ${passage.page_start && html`<span class="faint">${strings.votes.page(passage.page_start)}</span>`}
              ${typeof passage.score === "number" && html`<span class="faint">${words.score(passage.score.toFixed(2))}</span>`}
            </p>
            <p class="shown-text" tabindex="0">${marked(passage.content, cited.map((one) => one.content))}</p>
            <${Marks} chunk=${passage.chunk_id} judgements=${judgements} />
          </li>
        `;
      })}
    </ol>
  `;
}

/** @param {{ chunk: string, judgements: import("./judgements.js").OnAnswer[] }} props */
function Marks({ chunk, judgements }) {
  const marks = judgements
    .flatMap((one) => one.details.evidence ?? [])
    .filter(([of]) => of === chunk)
    .map(([, relevant]) => relevant);
  if (marks.length === 0) return null;
  const helped = marks.filter(Boolean).length;
  return html`<p class="small faint">${strings.console.feedback.replay.marks(helped, marks.length - helped)}</p>`;
}

/**
 * A text with the quotes in it marked. A quote that is not found word for word is left out.
 *
 * @param {string} text
 * @param {string[]} quotes
 * @returns {import("../../lib/ui.js").Children}
 */
function marked(text, quotes) {
  const spans = quotes
    .map((quote) => ({ start: text.indexOf(quote), length: quote.length }))
    .filter((span) => span.start >= 0 && span.length > 0)
    .sort((a, b) => a.start - b.start);
  /** @type {import("../../lib/ui.js").Children[]} */
  const parts = [];
  let done = 0;
  for (const { start, length } of spans) {
    const from = Math.max(start, done);
    if (start + length <= from) continue;
    parts.push(text.slice(done, from), html`<mark>${text.slice(from, start + length)}</mark>`);
    done = start + length;
  }
  return [...parts, text.slice(done)];
}
