/** The panel beside the thread: all that was found for an answer, or a document at the place of a quote. */
import { visible } from "../lib/hidden.js";
import { html, names, useEffect, useRef } from "../lib/ui.js";
import { strings } from "../strings.js";
import { about, titleOf } from "./citation.js";
import { Icon } from "./icons.js";
import { Quoted } from "./quoted.js";
import { answerOf, closeSide, openSide, side } from "./showing.js";
import { Source } from "./source.js";
import { Mark } from "./votes-marks.js";

/** @typedef {import("../lib/conversations.js").Evidence} Evidence */
/** @typedef {import("../lib/conversations.js").Answer} Answer */
/** @typedef {import("../lib/conversations.js").Turn} Turn */

export function Side() {
  const shown = side.value;
  const close = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const kind = shown?.kind;
  useEffect(() => {
    if (kind) close.current?.focus();
  }, [kind]);
  if (!shown) return null;
  const words = strings.chat;
  const found = shown.kind === "evidence" ? answerOf(shown) : null;
  const title = shown.kind === "source" ? words.source : words.evidence;
  const back = shown.kind === "source" ? shown.back : null;
  return html`
    <aside class="side" aria-label=${title}>
      <header>
        ${back &&
        html`<button class="button quiet" aria-label=${words.evidence} title=${words.evidence} onClick=${() => openSide({ kind: "evidence", ...back })}>
          <${Icon} of="back" />
        </button>`}
        <h2>${title}</h2>
        <span class="spacer"></span>
        <button ref=${close} class="button quiet" aria-label=${strings.close} title=${strings.close} onClick=${closeSide}>
          <${Icon} of="close" />
        </button>
      </header>
      ${shown.kind === "source"
        ? html`<${Source} key=${`${shown.passage.chunk_id} ${shown.passage.start_index}`} passage=${shown.passage} quotes=${shown.quotes} />`
        : found && html`<${Found} ...${found} />`}
    </aside>
  `;
}

/** @param {{ turn: Turn, answer: Answer }} props */
function Found({ turn, answer }) {
  const words = strings.chat;
  const numbers = new Set(answer.citations.map((one) => one.number));
  const cited = answer.retrieved.filter((one) => numbers.has(one.number));
  const rest = answer.retrieved.filter((one) => !numbers.has(one.number));
  return html`
    <div class="side-content">
      ${answer.intent && answer.intent !== turn.question && html`<p class="faint">${visible(words.evidenceFor(answer.intent))}</p>`}
      ${!answer.retrieved.length && html`<p class="faint">${words.noEvidence}</p>`}
      ${cited.length > 0 && html`<h3>${words.cited}</h3><${Passages} turn=${turn} answer=${answer} passages=${cited} />`}
      ${rest.length > 0 && html`<h3>${words.uncited}</h3><${Passages} turn=${turn} answer=${answer} passages=${rest} />`}
    </div>
  `;
}

/** @param {{ turn: Turn, answer: Answer, passages: Evidence[] }} props */
function Passages({ turn, answer, passages }) {
  const back = { turn: turn.id, answer: answer.key };
  return html`<ul class="passages">
    ${passages.map((passage) => {
      const quotes = answer.citations.filter((one) => one.number === passage.number);
      return html`
        <li key=${passage.chunk_id} class=${names("card", quotes.length === 0 && "not-cited")}>
          <p>
            <span class="cite-number">${passage.number}</span>
            <strong>${visible(titleOf(passage))}</strong>
          </p>
          <p class="faint">${about(passage)}</p>
          <details open=${quotes.length > 0}>
            <summary>${strings.chat.words}</summary>
            <blockquote class="passage" dir="auto"><${Quoted} text=${passage.content} start=${passage.start_index} quotes=${quotes} /></blockquote>
          </details>
          <div class="row">
            <button class="button small" onClick=${() => openSide({ kind: "source", passage, quotes, back })}>${strings.chat.openSource}</button>
            <${Mark} turn=${turn} answer=${answer} passage=${passage} />
          </div>
        </li>
      `;
    })}
  </ul>`;
}
