/** What people asked for and no document says: an inbox for who keeps the documents. */
import { Badge } from "../../kit/badge.js";
import { Loaded } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { toast } from "../../kit/toast.js";
import { api, withQuery } from "../../lib/api.js";
import { ago, count, when } from "../../lib/format.js";
import { go, link, query } from "../../lib/router.js";
import { said } from "../../lib/said.js";
import { html, useId, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { shortName } from "./said.js";

/**
 * @typedef {object} Wanted
 * @property {string} answer_id
 * @property {string} question
 * @property {string} comment
 * @property {string} voter
 * @property {number} at
 * @property {"open" | "done"} state
 * @property {string} note
 * @property {string | null} noted_by
 * @property {number | null} noted_at
 * @property {number} judgements How many say so.
 */

export function Missing() {
  const words = strings.console.feedback.missing;
  const state = query.value.get("state") === "done" ? "done" : "open";
  const [counts, setCounts] = useState(/** @type {Record<string, number> | null} */ (null));
  const pages = usePages(
    async (after) => {
      const page = await api.get(withQuery("/v1/feedback/missing", { state, limit: 50, after }));
      setCounts(page.counts);
      return page;
    },
    [state],
  );
  const show = (/** @type {string} */ wanted) => go(link(["console", "feedback", "missing"], { state: wanted }), { replace: true });
  return html`
    <p class="faint">${words.intro}</p>
    <div class="row" role="group" aria-label=${words.show}>
      ${/** @type {const} */ (["open", "done"]).map(
        (one) => html`<button class="button" aria-pressed=${one === state} onClick=${() => show(one)}>
          ${counts ? words.counted(words.states[one], count(counts[one])) : words.states[one]}
        </button>`,
      )}
    </div>
    <${Loaded} of=${pages}>
      ${(/** @type {Wanted[]} */ rows) => html`
        ${rows.length === 0 && html`<p class="nothing faint">${words.none[state]}</p>`}
        <ul class="bare stack">
          ${rows.map(
            (row) => html`<${Item}
              key=${row.answer_id}
              wanted=${row}
              onDone=${() => pages.edit((/** @type {Wanted[]} */ old) => old.filter((one) => one.answer_id !== row.answer_id))}
            />`,
          )}
        </ul>
        ${pages.more && html`<button class="button" disabled=${pages.loading} onClick=${pages.near}>${strings.more}</button>`}
      `}
    <//>
  `;
}

/** @param {{ wanted: Wanted, onDone: () => void }} props */
function Item({ wanted, onDone }) {
  const words = strings.console.feedback.missing;
  const id = useId();
  const [note, setNote] = useState(wanted.note);
  const [busy, setBusy] = useState(false);
  const other = wanted.state === "open" ? "done" : "open";
  const settle = async (/** @type {"open" | "done"} */ state) => {
    setBusy(true);
    try {
      await api.put(`/v1/feedback/missing/${encodeURIComponent(wanted.answer_id)}`, { state, note: note.trim() });
      toast(state === wanted.state ? words.kept : words.moved[state]);
      if (state !== wanted.state) onDone();
    } catch (error) {
      toast(said(error), "wrong");
    } finally {
      setBusy(false);
    }
  };
  return html`
    <li class="card stack">
      <div class="row">
        <${Badge} kind=${wanted.state === "open" ? "warn" : "good"}>${words.states[wanted.state]}<//>
        <a href=${link(["console", "feedback", "voters", wanted.voter])} title=${wanted.voter}>${shortName(wanted.voter)}</a>
        <time class="faint" title=${when(wanted.at)}>${ago(wanted.at)}</time>
        ${wanted.judgements > 1 && html`<span class="faint">${words.people(wanted.judgements)}</span>`}
      </div>
      <p class="asked">${wanted.question}</p>
      ${wanted.comment && html`<blockquote class="words">${wanted.comment}</blockquote>`}
      ${wanted.noted_by && html`<p class="small faint">${words.noted(shortName(wanted.noted_by), ago(wanted.noted_at))}</p>`}
      <div class="row">
        <label for=${id}>${words.note}</label>
        <input
          id=${id}
          class="grow"
          maxlength="2000"
          value=${note}
          onInput=${(/** @type {Event} */ event) => setNote(/** @type {HTMLInputElement} */ (event.currentTarget).value)}
        />
        ${note.trim() !== wanted.note.trim() &&
        html`<button class="button" disabled=${busy} onClick=${() => settle(wanted.state)}>${words.keep}</button>`}
        <button class="button primary" disabled=${busy} onClick=${() => settle(other)}>${words.mark[other]}</button>
        <a class="button" href=${link(["console", "feedback", "answer", wanted.answer_id])}>${words.look}</a>
      </div>
    </li>
  `;
}
