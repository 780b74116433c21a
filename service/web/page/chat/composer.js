/** Where questions are written. What is written stays until it is asked, over a reload too. */
import { conversation, opened, turns } from "../lib/conversations.js";
import { session } from "../lib/session.js";
import { stored } from "../lib/stored.js";
import { html, useEffect, useLayoutEffect, useRef } from "../lib/ui.js";
import { strings } from "../strings.js";
import { answering, ask, stopHere } from "./asking.js";
import { Collections } from "./collections.js";
import { Icon } from "./icons.js";

const MOST_DRAFTS = 50;
const NEW = "new";
const FIELD = "question";

/** @type {Map<string, import("@preact/signals").Signal<Record<string, string>>>} */
const kept = new Map();

/** The drafts of who is signed in, by conversation. */
function drafts() {
  const name = `drafts.${session.value?.identity ?? ""}`;
  let found = kept.get(name);
  if (!found) {
    found = stored(name, /** @type {Record<string, string>} */ ({}));
    kept.set(name, found);
  }
  return found;
}

/** @param {string} text @param {string} [of] A conversation. */
export function draft(text, of = opened.value ?? NEW) {
  const { [of]: _, ...others } = drafts().value;
  const rest = Object.fromEntries(Object.entries(others).slice(-MOST_DRAFTS));
  drafts().value = text ? { ...rest, [of]: text } : rest;
}

/** Write a question. */
export const focusComposer = () => document.getElementById(FIELD)?.focus();

/**
 * @param {{ chosen: string[] | null, model: string, onChoose: (chosen: string[] | null) => void }} props Where to look,
 *     and who answers.
 */
export function Composer({ chosen, model, onChoose }) {
  const words = strings.chat;
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const at = opened.value ?? NEW;
  const text = drafts().value[at] ?? "";
  const busy = turns.value.some((turn) => answering.value.has(turn.id));
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }, [text, at]);
  useEffect(() => {
    // A keyboard on the screen would cover half a phone.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, [at]);
  const send = () => {
    if (busy || !text.trim()) return;
    draft("");
    ask(text.trim(), { collections: chosen, model });
  };
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return html`
    <form class="composer" onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), send())}>
      <label class="unseen" for=${FIELD}>${words.ask}</label>
      <textarea
        id=${FIELD}
        ref=${field}
        rows="1"
        dir="auto"
        placeholder=${words.ask}
        aria-describedby="question-hint"
        value=${text}
        onInput=${(/** @type {InputEvent} */ event) => draft(/** @type {HTMLTextAreaElement} */ (event.target).value)}
        onKeyDown=${keys}
      ></textarea>
      <div class="composer-row">
        <${Collections} chosen=${conversation.value ? conversation.value.collections : chosen} onChoose=${onChoose} />
        <span id="question-hint" class="hint faint">${words.hint}</span>
        <span class="spacer"></span>
        ${busy
          ? html`<button type="button" class="button round" aria-label=${words.stop} title=${words.stop} onClick=${stopHere}>
              <${Icon} of="stop" />
            </button>`
          : html`<button class="button primary round" aria-label=${words.send} title=${words.send} disabled=${!text.trim()}>
              <${Icon} of="send" />
            </button>`}
      </div>
    </form>
  `;
}
