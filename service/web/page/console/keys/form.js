/** Making a key. */
import { Dialog } from "../../kit/dialog.js";
import { api } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { html, useId, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";

const DAY_S = 86_400;
/** Lifetimes in days; 0 is until it is revoked. */
const LIFETIMES = [0, 1, 7, 30, 90, 365];

/** @param {{ onClose: () => void, onMade: (key: any) => void }} props */
export function KeyForm({ onClose, onMade }) {
  const words = strings.console.keys;
  const [role, setRole] = useState(/** @type {"user" | "operator" | "admin"} */ ("user"));
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useId();

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
    const number = (/** @type {string} */ name) => (text(name) === "" ? null : Number(text(name)));
    setBusy(true);
    try {
      const made = await api.post("/v1/keys", {
        name: text("name"),
        role,
        groups: text("groups").split(",").map((group) => group.trim()).filter(Boolean),
        trusted: form.get("trusted") !== null,
        segment: text("segment") || null,
        requests_per_minute: number("requests"),
        votes_per_minute: number("votes"),
        expires_in_s: Number(form.get("lifetime")) * DAY_S || null,
      });
      onClose();
      onMade(made);
    } catch (error) {
      setWrong(said(error));
      setBusy(false);
    }
  }

  return html`
    <${Dialog} title=${words.make} onClose=${onClose}>
      <form onSubmit=${submit} aria-busy=${busy}>
        <label for=${`${field}-name`}>${words.whose}</label>
        <input id=${`${field}-name`} name="name" required maxlength="256" autocomplete="off" />
        <label for=${`${field}-role`}>${words.role}</label>
        <select
          id=${`${field}-role`}
          value=${role}
          aria-describedby=${`${field}-can`}
          onChange=${(/** @type {any} */ event) => setRole(event.currentTarget.value)}
        >
          ${Object.entries(words.roles).map(([value, name]) => html`<option value=${value}>${name}</option>`)}
        </select>
        <p id=${`${field}-can`} class="faint">${words.can[role]}</p>
        <label for=${`${field}-life`}>${words.lifetime}</label>
        <select id=${`${field}-life`} name="lifetime">
          ${LIFETIMES.map((days) => html`<option value=${days}>${words.days(days)}</option>`)}
        </select>
        <label for=${`${field}-groups`}>${words.groups}</label>
        <input id=${`${field}-groups`} name="groups" autocomplete="off" placeholder=${words.groupsHint} />
        <details>
          <summary>${words.more}</summary>
          <div class="stack">
            ${role === "user" &&
            html`<label><input type="checkbox" name="trusted" /> ${words.trusted}</label>`}
            <label for=${`${field}-segment`}>${words.segment}</label>
            <input id=${`${field}-segment`} name="segment" maxlength="256" autocomplete="off" />
            <label for=${`${field}-requests`}>${words.requests}</label>
            <input id=${`${field}-requests`} name="requests" type="number" min="0" placeholder=${words.asSet} />
            <label for=${`${field}-votes`}>${words.votes}</label>
            <input id=${`${field}-votes`} name="votes" type="number" min="0" placeholder=${words.asSet} />
            <p class="faint">${words.zero}</p>
          </div>
        </details>
        <p class="wrong" role="alert">${wrong}</p>
        <footer>
          <button type="button" class="button" onClick=${onClose}>${strings.cancel}</button>
          <button class="button primary" disabled=${busy}>${words.make}</button>
        </footer>
      </form>
    <//>
  `;
}
