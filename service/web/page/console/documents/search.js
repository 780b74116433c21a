/** Try what a question finds in a collection, and how each passage came to its place. */
import { toast } from "../../kit/toast.js";
import { api } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { link } from "../../lib/router.js";
import { html, useId, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { pagesSaid } from "./shapes.js";

/**
 * @typedef {object} Hit
 * @property {string} file_id
 * @property {string} filename
 * @property {string} title
 * @property {string} chunk_id
 * @property {number} score
 * @property {number} dense_score
 * @property {number} lexical_score
 * @property {number} start_index
 * @property {number} end_index
 * @property {number | null} page_start
 * @property {number | null} page_end
 * @property {string[]} heading_path
 * @property {{ text: string }[]} content
 */

/** @param {{ store: string }} props */
export function Search({ store }) {
  const words = strings.console.documents.search;
  const [mode, setMode] = useState("hybrid");
  const [most, setMost] = useState(10);
  const [found, setFound] = useState(/** @type {{ of: string, ms: number, hits: Hit[] } | null} */ (null));
  const [busy, setBusy] = useState(false);
  const field = useId();

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const asked = String(new FormData(form).get("query") ?? "").trim();
    if (!asked) return;
    setBusy(true);
    const began = performance.now();
    try {
      const path = `/v1/vector_stores/${encodeURIComponent(store)}/search`;
      const page = await api.post(path, { query: asked, mode, max_num_results: most });
      setFound({ of: asked, ms: performance.now() - began, hits: page.data });
    } catch (error) {
      toast(said(error), "wrong");
    } finally {
      setBusy(false);
    }
  }

  return html`
    <form class="row filters" role="search" onSubmit=${submit} aria-busy=${busy}>
      <label class="unseen" for=${field}>${words.query}</label>
      <input id=${field} name="query" type="search" class="grows" placeholder=${words.query} required maxlength="8000" />
      <select aria-label=${words.mode} value=${mode} onChange=${(/** @type {any} */ event) => setMode(event.currentTarget.value)}>
        ${Object.entries(words.modes).map(([value, name]) => html`<option value=${value}>${name}</option>`)}
      </select>
      <select aria-label=${words.most} value=${most} onChange=${(/** @type {any} */ event) => setMost(Number(event.currentTarget.value))}>
        ${[5, 10, 20, 50].map((value) => html`<option value=${value}>${words.passages(value)}</option>`)}
      </select>
      <button class="button primary" disabled=${busy}>${words.button}</button>
    </form>
    <p class="faint" role="status">
      ${busy ? strings.loading : found ? words.found(found.hits.length, found.of, Math.round(found.ms)) : words.intro}
    </p>
    ${found &&
    html`<ol class="hits">
      ${found.hits.map((hit, at) => html`<${Passage} key=${hit.chunk_id} store=${store} of=${hit} at=${at + 1} best=${found.hits[0].score} />`)}
    </ol>`}
  `;
}

/** @param {{ store: string, of: Hit, at: number, best: number }} props */
function Passage({ store, of, at, best }) {
  const words = strings.console.documents.search;
  const href = link(["console", "documents", store, of.file_id], { chunk: of.chunk_id, at: String(of.start_index) });
  return html`
    <li class="card stack">
      <header class="row">
        <strong>${at}. <a href=${href}>${of.title || of.filename}</a></strong>
        <span class="faint">${[...of.heading_path, pagesSaid(of)].filter(Boolean).join(" › ")}</span>
      </header>
      <div class="scores">
        <span>${words.score} <strong>${of.score.toFixed(3)}</strong></span>
        <progress aria-label=${words.score} max=${Math.max(best, 0.001)} value=${Math.max(0, of.score)}></progress>
        <span class="faint">${words.dense} ${of.dense_score.toFixed(3)}</span>
        <span class="faint">${words.lexical} ${of.lexical_score.toFixed(2)}</span>
      </div>
      <p class="piece">${of.content.map((part) => part.text).join("\n")}</p>
    </li>
  `;
}
