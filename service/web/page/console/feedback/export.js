/** Taking the feedback out as a file: what, for whom it may be learned from, and since when. */
import { Dialog } from "../../kit/dialog.js";
import { useLoad } from "../../kit/load.js";
import { api, withQuery } from "../../lib/api.js";
import { html, useId, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { scopeName } from "../scopes.js";
import { asQuery } from "./filters.js";

/** @param {{ wanted: import("./filters.js").Asked, onClose: () => void }} props */
export function Export({ wanted, onClose }) {
  const words = strings.console.feedback.exporting;
  const id = useId();
  const [format, setFormat] = useState("records");
  const [scope, setScope] = useState("shared");
  const known = useLoad(() => api.get("/v1/versions"), []);
  const scopes = new Set(["shared", ...(known.data?.scopes ?? []).map((/** @type {any} */ one) => one.scope), "all"]);
  const { since, until } = asQuery({ since: wanted.since ?? "", until: wanted.until ?? "" });
  const value = (/** @type {Event} */ event) => /** @type {HTMLSelectElement} */ (event.currentTarget).value;
  return html`
    <${Dialog} title=${strings.console.feedback.export} onClose=${onClose}>
      <form onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <label for=${`${id}-format`}>${words.format}</label>
        <select id=${`${id}-format`} value=${format} onChange=${(/** @type {Event} */ event) => setFormat(value(event))}>
          ${Object.entries(words.formats).map(([name, text]) => html`<option value=${name}>${text}</option>`)}
        </select>
        <label for=${`${id}-scope`}>${words.scope}</label>
        <select id=${`${id}-scope`} value=${scope} onChange=${(/** @type {Event} */ event) => setScope(value(event))}>
          ${[...scopes].map((one) => html`<option value=${one}>${one === "all" ? words.all : scopeName(one)}</option>`)}
        </select>
        <p class="faint small">${since || until ? words.days : words.always}</p>
        <footer>
          <a
            class="button primary"
            download=${`feedback-${format}.jsonl`}
            href=${withQuery("/v1/feedback/export", { format, scope, since, until })}
          >
            ${words.download}
          </a>
        </footer>
      </form>
    <//>
  `;
}
