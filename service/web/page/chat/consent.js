/** Whether one's votes may be learned from, and what that means. */
import { Dialog } from "../kit/dialog.js";
import { Loaded, useLoad } from "../kit/load.js";
import { toast } from "../kit/toast.js";
import { api } from "../lib/api.js";
import { when } from "../lib/format.js";
import { said } from "../lib/said.js";
import { html, useId, useState } from "../lib/ui.js";
import { strings } from "../strings.js";

/** @typedef {{ training: boolean, changed_at: number | null, by: "self" | "operator" | null }} Consent */

const PATH = "/v1/users/me/consent";

/** The button that opens it. */
export function Privacy() {
  const [open, setOpen] = useState(false);
  const words = strings.votes.consent;
  return html`
    <button class="button quiet" aria-haspopup="dialog" onClick=${() => setOpen(true)}>${words.open}</button>
    ${open && html`<${PrivacyDialog} onClose=${() => setOpen(false)} />`}
  `;
}

/** @param {{ onClose: () => void }} props */
export function PrivacyDialog({ onClose }) {
  const words = strings.votes.consent;
  const consent = useLoad(/** @returns {Promise<Consent>} */ () => api.get(PATH), []);
  return html`
    <${Dialog} title=${words.title} onClose=${onClose}>
      <div class="stack">
        <${Loaded} of=${consent}>
          ${(/** @type {Consent} */ one) => html`<${Switch} consent=${one} onSaid=${consent.set} />`}
        <//>
        <ul class="consent-points">
          ${words.points.map((point) => html`<li>${point}</li>`)}
        </ul>
      </div>
    <//>
  `;
}

/** @param {{ consent: Consent, onSaid: (consent: Consent) => void }} props */
function Switch({ consent, onSaid }) {
  const words = strings.votes.consent;
  const name = useId();
  const [wrong, setWrong] = useState("");
  async function turn() {
    const training = !consent.training;
    setWrong("");
    onSaid({ ...consent, training });
    try {
      onSaid(await api.put(PATH, { training }));
      toast(training ? words.given : words.refused);
    } catch (error) {
      onSaid(consent);
      setWrong(said(error));
    }
  }
  return html`
    <div class="consent">
      <div class="consent-row">
        <span id=${name}>${words.switch}</span>
        <button class="switch" role="switch" aria-checked=${consent.training} aria-labelledby=${name} onClick=${turn}>
          <span class="switch-knob"></span>
        </button>
      </div>
      <p>${consent.training ? words.on : words.off}</p>
      <p class="faint">${chosen(consent)}</p>
      <p class="wrong" role="alert">${wrong}</p>
    </div>
  `;
}

/** @param {Consent} consent @returns {string} Who chose it, and when. */
function chosen({ changed_at, by }) {
  const words = strings.votes.consent;
  if (changed_at === null) return words.byDefault;
  return by === "operator" ? words.byOperator(when(changed_at)) : words.bySelf(when(changed_at));
}
