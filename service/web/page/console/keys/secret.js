/** The secret of a new key, shown this once. */
import { Dialog } from "../../kit/dialog.js";
import { html, useRef, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";

/** @param {{ of: { name: string, key: string }, onClose: () => void }} props */
export function Secret({ of, onClose }) {
  const words = strings.console.keys;
  const [copied, setCopied] = useState("");
  const shown = useRef(/** @type {HTMLInputElement | null} */ (null));
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(of.key);
      setCopied(words.copied);
    } catch {
      // A page over plain HTTP may not write there; the person can, once it is selected.
      shown.current?.select();
      setCopied(words.copyByHand);
    }
  };
  return html`
    <${Dialog} title=${words.secretTitle(of.name)} onClose=${onClose}>
      <div class="stack">
        <p>${words.once}</p>
        <div class="row">
          <input
            ref=${shown}
            class="grows secret"
            readonly
            aria-label=${words.secret}
            value=${of.key}
            onFocus=${() => shown.current?.select()}
          />
          <button class="button primary" onClick=${copy}>${words.copy}</button>
        </div>
        <p role="status" class="faint">${copied}</p>
        <footer><button class="button" onClick=${onClose}>${words.kept}</button></footer>
      </div>
    <//>
  `;
}
