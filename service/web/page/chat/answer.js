/** One answer: its words with their sources, what must be known of it, and what can be done with it. */
import { Markdown } from "../lib/markdown.js";
import { copy } from "../lib/copy.js";
import { link } from "../lib/router.js";
import { html, names, useEffect, useMemo, useState } from "../lib/ui.js";
import { toast } from "../kit/toast.js";
import { strings } from "../strings.js";
import { again, retry } from "./asking.js";
import { Cite } from "./citation.js";
import { Icon } from "./icons.js";
import { Menu } from "./menu.js";
import { openSide, side } from "./showing.js";
import { Judging } from "./votes.js";

/** @typedef {import("../lib/conversations.js").Turn} Turn */
/** @typedef {import("../lib/conversations.js").Answer} Answer */

/** @param {{ turn: Turn, answer: Answer, name: string }} props */
export function AnswerView({ turn, answer, name }) {
  const streaming = answer.state === "streaming";
  return html`
    <article class=${names("answer", answer.state)} aria-label=${name} aria-busy=${streaming}>
      <${AnswerText} turn=${turn} answer=${answer} />
      <${Below} turn=${turn} answer=${answer} />
      ${!streaming &&
      html`<div class="answer-actions">
        <${Actions} turn=${turn} answer=${answer} />
        ${(answer.state === "done" || answer.state === "not_found") && html`<${Judging} turn=${turn} answer=${answer} />`}
      </div>`}
    </article>
  `;
}

/** @param {{ turn: Turn, answer: Answer }} props The words alone, and what must be known of them. */
export function AnswerText({ turn, answer }) {
  const words = useMemo(() => worded(turn.id, answer), [answer]);
  // What is said where nothing was found is not an answer, and does not look like one.
  if (answer.state === "not_found") return html`<${State} kind="not-found" title=${strings.chat.notFound} text=${words} />`;
  return html`<${Above} answer=${answer} />${words}`;
}

/** @param {string} turn @param {Answer} answer @returns {import("../lib/ui.js").View | null} The words, with their markers as buttons. */
function worded(turn, answer) {
  if (!answer.text) return null;
  const from = answer.state === "streaming" ? answer.retrieved : answer.citations;
  const known = new Set(from.map((one) => one.number));
  /** @param {number} number */
  const cite = (number) => known.has(number) && html`<${Cite} turn=${turn} answer=${answer} number=${number} />`;
  return html`<${Markdown} text=${answer.text} cite=${cite} />`;
}

/** @param {{ answer: Answer }} props What is said before the words. */
function Above({ answer }) {
  const words = strings.chat;
  if (answer.state === "streaming" && !answer.text) {
    const found = answer.retrieved.length;
    return html`<p class="working"><span class="pulse" aria-hidden="true"></span>${found ? words.writing(found) : words.searching}</p>`;
  }
  if (answer.state !== "done") return null;
  if (!answer.citations.length) return html`<${State} kind="no-source" title=${words.unsupported} text=${words.unsupportedText} />`;
  if (answer.citations.some((one) => !one.verified)) {
    return html`<${State} kind="no-source" title=${words.doubtful} text=${words.doubtfulText} />`;
  }
  return null;
}

/** @param {{ kind: string, title: string, text: import("../lib/ui.js").Children }} props */
const State = ({ kind, title, text }) => html`
  <div class=${`answer-state ${kind}`}>
    <strong>${title}</strong>
    <div>${text}</div>
  </div>
`;

/** @param {{ turn: Turn, answer: Answer }} props What is said after the words. */
function Below({ turn, answer }) {
  const words = strings.chat;
  if (answer.state === "failed") return html`<${Failure} turn=${turn} answer=${answer} />`;
  if (answer.state === "stopped") {
    return html`<p class="answer-note">${answer.text ? words.stopped : words.stoppedEmpty}</p>`;
  }
  return html`
    ${answer.cut && html`<p class="answer-note">${words.cut}</p>`}
    ${answer.same && html`<p class="answer-note">${words.same}</p>`}
  `;
}

/** @param {{ turn: Turn, answer: Answer }} props */
function Failure({ turn, answer }) {
  const words = strings.chat;
  const left = useCountdown(answer.at, answer.error?.retryAfterS ?? 0);
  return html`
    <div class="failure">
      <p><strong>${words.failed}</strong> ${answer.error?.message}</p>
      <button class="button" disabled=${left > 0} onClick=${() => retry(turn)}>${left > 0 ? words.retryIn(left) : words.retry}</button>
    </div>
  `;
}

/** @param {number} from @param {number} seconds @returns {number} The seconds that are left. */
function useCountdown(from, seconds) {
  const left = () => Math.max(0, Math.ceil(from + seconds - Date.now() / 1000));
  const [shown, setShown] = useState(left);
  useEffect(() => {
    setShown(left());
    const timer = setInterval(() => {
      setShown(left());
      if (left() === 0) clearInterval(timer);
    }, 500);
    return () => clearInterval(timer);
  }, [from, seconds]);
  return shown;
}

/** @param {{ turn: Turn, answer: Answer }} props */
function Actions({ turn, answer }) {
  const words = strings.chat;
  const shown = { turn: turn.id, answer: answer.key };
  const open = side.value?.kind === "evidence" && side.value.answer === answer.key;
  /** @param {(how: typeof import("./copying.js")) => string} made @param {() => void} close */
  const copying = async (made, close) => {
    close();
    const text = await import("./copying.js").then(made, () => null);
    if (text !== null && (await copy(text))) toast(words.copied);
    else toast(words.notCopied, "wrong");
  };
  const address = `${window.location.origin}${window.location.pathname}${link(["c", turn.conversation, turn.id])}`;
  return html`
    <div class="actions" role="group" aria-label=${words.actions}>
      ${answer.retrieved.length > 0 &&
      html`<button class="button quiet small" aria-pressed=${open} onClick=${() => openSide({ kind: "evidence", ...shown })}>
        <${Icon} of="pages" /> ${words.sources(answer.retrieved.length)}
      </button>`}
      ${answer.state !== "failed" &&
      html`<button class="button quiet small" onClick=${() => again(turn)}><${Icon} of="again" /> ${words.regenerate}</button>`}
      ${answer.text &&
      html`<${Menu} name=${words.copy} label=${html`<${Icon} of="copy" /> ${words.copy}`}>
        ${(/** @type {() => void} */ close) => html`
          <button class="button quiet" onClick=${() => copying(({ asText }) => asText(answer), close)}>${words.copyText}</button>
          <button class="button quiet" onClick=${() => copying(({ asMarkdown }) => asMarkdown(answer), close)}>${words.copyMarkdown}</button>
          <button class="button quiet" onClick=${() => copying(() => address, close)}>${words.copyLink}</button>
        `}
      <//>`}
    </div>
  `;
}
