/** Marks on the passages of an answer: which of them helped. */
import { stripped, visible } from "../lib/hidden.js";
import { html, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { NOTHING, say } from "./votes-say.js";
import { told } from "./votes-told.js";

/** @typedef {import("../lib/conversations.js").Evidence} Passage */
/** @typedef {import("../lib/conversations.js").Vote["evidence"]} Marks */

/**
 * @param {Marks} marks
 * @param {string} chunk
 * @param {boolean} relevant
 * @returns {Marks} With this mark, or without it where it stood.
 */
function turned(marks, chunk, relevant) {
  const rest = marks.filter((one) => one.chunk_id !== chunk);
  const stood = marks.some((one) => one.chunk_id === chunk && one.relevant === relevant);
  return stood ? rest : [...rest, { chunk_id: chunk, relevant }];
}

/** @param {{ passage: Passage, marks: Marks, onMark: (marks: Marks) => void }} props */
function Buttons({ passage, marks, onMark }) {
  const words = strings.votes;
  const mark = marks.find((one) => one.chunk_id === passage.chunk_id)?.relevant;
  return [true, false].map((relevant) => {
    const name = relevant ? words.helped : words.notHelped;
    return html`<button
      type="button"
      class="button chip"
      aria-pressed=${mark === relevant}
      aria-label=${words.markOf(name, stripped(passage.title || passage.filepath))}
      onClick=${() => onMark(turned(marks, passage.chunk_id, relevant))}
    >
      ${name}
    </button>`;
  });
}

/**
 * Marks on all passages of an answer, the cited ones first.
 *
 * @param {{ passages: Passage[], marks: Marks, onMark: (marks: Marks) => void }} props
 */
export function Marking({ passages, marks, onMark }) {
  const words = strings.votes;
  const sorted = [...passages].sort((a, b) => Number(b.cited ?? false) - Number(a.cited ?? false));
  return html`
    <ul class="vote-passages">
      ${sorted.map(
        (one) => html`
          <li key=${one.chunk_id}>
            <p>
              <strong>${one.cited ? `[${one.number}] ` : ""}${visible(one.title || one.filepath)}</strong>
              ${one.page_start !== null && html`<span class="faint">, ${words.page(one.page_start)}</span>`}
              ${!one.cited && html`<span class="faint">, ${words.uncited}</span>`}
            </p>
            <p class="vote-excerpt faint" dir="auto">${visible(one.content)}</p>
            <div class="vote-chips"><${Buttons} passage=${one} marks=${marks} onMark=${onMark} /></div>
          </li>
        `,
      )}
    </ul>
  `;
}

/**
 * The mark on one passage, kept as soon as it is made: for the card of a citation.
 *
 * @param {{ turn: import("../lib/conversations.js").Turn, answer: import("../lib/conversations.js").Answer,
 *     passage: Passage }} props
 */
export function Mark({ turn, answer, passage }) {
  const [note, setNote] = useState("");
  if (!answer.id || !answer.retrieved.some((one) => one.chunk_id === passage.chunk_id)) return null;
  const vote = answer.vote ?? NOTHING;
  /** @param {Marks} evidence */
  const mark = async (evidence) => {
    const more = evidence.length >= vote.evidence.length;
    const error = await say(turn, answer, { ...vote, evidence });
    setNote(error ? told(error) : more ? strings.votes.marked : strings.votes.unmarked);
  };
  return html`
    <div class="vote-chips">
      <${Buttons} passage=${passage} marks=${vote.evidence} onMark=${mark} />
      <span class="faint" role="status">${note}</span>
    </div>
  `;
}
