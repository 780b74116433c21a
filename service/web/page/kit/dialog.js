/** A modal window, and the question before something that is hard to take back. */
import { html, render, useEffect, useId, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";

/**
 * The browser's own modal dialog: it keeps the focus inside, closes with Esc, and gives the focus back.
 *
 * @param {{ title: string, onClose: () => void, children?: import("../lib/ui.js").Children, wide?: boolean }} props
 */
export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const name = useId();
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return html`
    <dialog ref=${element} class=${wide ? "dialog wide" : "dialog"} aria-labelledby=${name} onClose=${onClose}>
      <header>
        <h2 id=${name}>${title}</h2>
        <button class="button quiet" aria-label=${strings.close} onClick=${() => element.current?.close()}>×</button>
      </header>
      ${children}
    </dialog>
  `;
}

/**
 * Ask before doing it.
 *
 * @param {{ title: string, text: string, action: string, danger?: boolean, typed?: string, reason?: string }} question
 *     `typed` must be typed in before the action can be chosen; `reason` is the label of a field for why.
 * @returns {Promise<{ reason: string } | null>} Null when it was not wanted.
 */
export function confirm(question) {
  const host = document.createElement("div");
  document.body.append(host);
  return new Promise((resolve) => {
    /** @param {{ reason: string } | null} answer */
    const end = (answer) => {
      render(null, host);
      host.remove();
      resolve(answer);
    };
    render(html`<${Question} ...${question} onEnd=${end} />`, host);
  });
}

/** @param {{ title: string, text: string, action: string, danger?: boolean, typed?: string, reason?: string, onEnd: (answer: { reason: string } | null) => void }} props */
function Question({ title, text, action, danger = false, typed, reason, onEnd }) {
  const [given, setGiven] = useState("");
  const [why, setWhy] = useState("");
  const field = useId();
  const ready = !typed || given === typed;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (ready) onEnd({ reason: why });
  };
  /** @param {(text: string) => void} set */
  const into = (set) => (/** @type {InputEvent} */ event) => set(/** @type {HTMLInputElement} */ (event.target).value);
  return html`
    <${Dialog} title=${title} onClose=${() => onEnd(null)}>
      <form onSubmit=${submit}>
        <p>${text}</p>
        ${typed &&
        html`<label for=${field}>${strings.typeIt(typed)}</label>
          <input id=${field} autocomplete="off" value=${given} onInput=${into(setGiven)} />`}
        ${reason &&
        html`<label for=${`${field}-why`}>${reason}</label>
          <input id=${`${field}-why`} maxlength="500" value=${why} onInput=${into(setWhy)} />`}
        <footer>
          <button type="button" class="button" onClick=${() => onEnd(null)}>${strings.cancel}</button>
          <button class=${danger ? "button danger" : "button primary"} disabled=${!ready}>${action}</button>
        </footer>
      </form>
    <//>
  `;
}
