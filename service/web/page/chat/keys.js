/** What the keyboard does, and the list of it. */
import { Dialog } from "../kit/dialog.js";
import { go, link } from "../lib/router.js";
import { stored } from "../lib/stored.js";
import { html, signal, useEffect } from "../lib/ui.js";
import { strings } from "../strings.js";
import { stopHere } from "./asking.js";
import { focusComposer } from "./composer.js";
import { SEARCH_FIELD } from "./history.js";
import { closeCard, closeSide, listed } from "./showing.js";
import { step } from "./thread.js";

const open = signal(false);
/** Whether single letters do something: who dictates or misses keys can turn that off. */
const single = stored("keys.single", true);

/** @param {Event} event @returns {boolean} Whether it goes into a field. */
const typing = ({ target }) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** @type {Record<string, () => void>} */
const LETTERS = {
  "/": focusComposer,
  "?": () => (open.value = true),
  j: () => step(1),
  k: () => step(-1),
};

/** @type {Record<string, () => void>} By where the key is: with Alt some keyboards write another letter. */
const WITH_ALT = {
  KeyN: () => {
    go(link([]));
    focusComposer();
  },
  KeyK: () => {
    listed.value = true;
    requestAnimationFrame(() => document.getElementById(SEARCH_FIELD)?.focus());
  },
};

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "Escape" && plain) {
    if (closeCard(true) || stopHere() || closeSide()) event.preventDefault();
    else listed.value = false;
    return;
  }
  const does =
    event.altKey && !event.ctrlKey && !event.metaKey
      ? WITH_ALT[event.code]
      : plain && single.value && !typing(event) && LETTERS[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

export function useKeys() {
  useEffect(() => {
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

export function Keys() {
  const words = strings.chat;
  if (!open.value) return null;
  return html`
    <${Dialog} title=${words.shortcuts} onClose=${() => (open.value = false)}>
      <dl class="keys">
        ${words.keys.map(
          ([keys, does]) => html`<div>
            <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt>
            <dd>${does}</dd>
          </div>`,
        )}
      </dl>
      <label class="choice">
        <input type="checkbox" checked=${single.value} onChange=${() => (single.value = !single.value)} /> ${words.singleKeys}
      </label>
    <//>
  `;
}
