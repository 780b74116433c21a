/** A question and what was answered. */
import { later } from "../kit/later.js";
import { visible } from "../lib/hidden.js";
import { changeTurn } from "../lib/conversations.js";
import { html, names, useEffect, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { AnswerText, AnswerView } from "./answer.js";
import { choose, edit, siblings } from "./asking.js";
import { Icon } from "./icons.js";

/** @typedef {import("../lib/conversations.js").Turn} Turn */

const Pair = later(() => import("./pair.js").then((file) => file.Pair));
/** @typedef {import("../lib/conversations.js").Answer} Answer */

/** @param {{ turn: Turn, marked: boolean }} props `marked`: the address leads here. */
export function TurnView({ turn, marked }) {
  const [editing, setEditing] = useState(false);
  const words = strings.chat;
  const asked = siblings(turn);
  return html`
    <section class=${names("turn", marked && "marked")} data-turn=${turn.id} aria-label=${words.questionOf(asked.index + 1, asked.all.length)}>
      ${editing
        ? html`<${Edit} turn=${turn} onEnd=${() => setEditing(false)} />`
        : html`<div class="question">
            <h2 class="unseen">${words.you}</h2>
            <p dir="auto" tabindex="-1">${visible(turn.question)}</p>
            <div class="question-actions">
              ${asked.all.length > 1 &&
              html`<${Steps}
                name=${words.questionOf}
                index=${asked.index}
                count=${asked.all.length}
                onStep=${(/** @type {number} */ index) => choose(asked.all[index])}
              />`}
              <button class="button quiet small" aria-label=${words.edit} title=${words.edit} onClick=${() => setEditing(true)}>
                <${Icon} of="edit" />
              </button>
            </div>
          </div>`}
      <${Answers} turn=${turn} />
    </section>
  `;
}

/** @param {{ turn: Turn }} props */
function Answers({ turn }) {
  const words = strings.chat;
  const two = together(turn);
  if (two) return html`<${SideBySide} turn=${turn} answers=${two} />${turn.pair && html`<${Pair} turn=${turn} />`}`;
  const answer = turn.answers[turn.shown];
  const count = turn.answers.length;
  return html`
    ${count > 1 &&
    html`<${Steps}
      name=${words.answerOf}
      index=${turn.shown}
      count=${count}
      onStep=${(/** @type {number} */ shown) => changeTurn(turn.id, (old) => ({ ...old, shown }))}
    />`}
    <${AnswerView} key=${answer.key} turn=${turn} answer=${answer} name=${count > 1 ? words.answerOf(turn.shown + 1, count) : words.answer} />
    ${turn.pair && html`<${Pair} turn=${turn} />`}
  `;
}

/** @param {Turn} turn @returns {Answer[] | null} Two that stand side by side, until one was chosen. */
function together({ pair, answers, shown }) {
  if (pair?.blind && pair.outcome === null) {
    const two = pair.answers.map((id) => answers.find((one) => one.id === id)).filter((one) => one !== undefined);
    return two.length === 2 ? two : null;
  }
  // The service gives two at once: nobody asked for the second one, which would be the one that is shown.
  return shown === 0 && answers.length === 2 && answers[1].state === "streaming" ? answers : null;
}

/** @param {{ turn: Turn, answers: Answer[] }} props */
function SideBySide({ turn, answers }) {
  const words = strings.chat;
  return html`
    <div class="side-by-side">
      ${answers.map(
        (answer, i) => html`
          <article key=${answer.key} class="card answer" aria-label=${i ? words.second : words.first} aria-busy=${answer.state === "streaming"}>
            <h3>${i ? words.second : words.first}</h3>
            <${AnswerText} turn=${turn} answer=${answer} />
          </article>
        `,
      )}
    </div>
  `;
}

/** @param {{ name: (n: number, all: number) => string, index: number, count: number, onStep: (index: number) => void }} props */
function Steps({ name, index, count, onStep }) {
  const words = strings.chat;
  return html`
    <div class="steps" role="group" aria-label=${name(index + 1, count)}>
      <button class="button quiet small" aria-label=${words.previous} disabled=${index === 0} onClick=${() => onStep(index - 1)}>
        <${Icon} of="left" />
      </button>
      <span aria-hidden="true">${index + 1} / ${count}</span>
      <button class="button quiet small" aria-label=${words.next} disabled=${index === count - 1} onClick=${() => onStep(index + 1)}>
        <${Icon} of="right" />
      </button>
    </div>
  `;
}

/** @param {{ turn: Turn, onEnd: () => void }} props */
function Edit({ turn, onEnd }) {
  const words = strings.chat;
  const [text, setText] = useState(turn.question);
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => field.current?.focus(), []);
  const send = () => {
    if (!text.trim()) return;
    onEnd();
    edit(turn, text.trim());
  };
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onEnd();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  };
  return html`
    <form class="edit" onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), send())}>
      <label class="unseen" for=${`edit-${turn.id}`}>${words.editing}</label>
      <textarea
        id=${`edit-${turn.id}`}
        ref=${field}
        rows="3"
        dir="auto"
        value=${text}
        aria-describedby=${`edit-${turn.id}-note`}
        onInput=${(/** @type {InputEvent} */ event) => setText(/** @type {HTMLTextAreaElement} */ (event.target).value)}
        onKeyDown=${keys}
      ></textarea>
      <p id=${`edit-${turn.id}-note`} class="faint">${words.editNote}</p>
      <div class="row">
        <button class="button primary" disabled=${!text.trim()}>${words.send}</button>
        <button type="button" class="button" onClick=${onEnd}>${strings.cancel}</button>
      </div>
    </form>
  `;
}
