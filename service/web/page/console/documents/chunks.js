/** The passages of a document, in order: where each stands, and its words as they are searched. */
import { Loaded } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { api, withQuery } from "../../lib/api.js";
import { count } from "../../lib/format.js";
import { query } from "../../lib/router.js";
import { html, names, useEffect, useRef } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { filesPath } from "./following.js";
import { pagesSaid } from "./shapes.js";

/** @typedef {import("./shapes.js").Chunk} Chunk */

/** @param {{ store: string, id: string }} props */
export function Chunks({ store, id }) {
  const words = strings.console.documents.chunks;
  const wanted = query.value.get("chunk");
  const found = useRef(false);
  const chunks = usePages((after) => api.get(withQuery(`${filesPath(store, id)}/chunks`, { limit: 100, after })), [store, id], {
    // One that was linked to is loaded up to.
    whole: wanted !== null && !found.current,
  });
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const end = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (found.current || !chunks.data?.some((/** @type {Chunk} */ chunk) => chunk.id === wanted)) return;
    found.current = true;
    const shown = /** @type {HTMLElement | null} */ (list.current?.querySelector(".here"));
    shown?.focus({ preventScroll: true });
    shown?.scrollIntoView({ block: "center" });
  }, [chunks.data, wanted]);
  useEffect(() => {
    if (!end.current || !chunks.more) return;
    const near = new IntersectionObserver(([entry]) => entry.isIntersecting && chunks.near(), { rootMargin: "800px" });
    near.observe(end.current);
    return () => near.disconnect();
  }, [chunks.more, chunks.near]);
  return html`
    <h2>${words.title}</h2>
    <${Loaded} of=${chunks}>
      ${(/** @type {Chunk[]} */ rows) => html`
        ${rows.length === 0 && html`<p class="faint">${words.none}</p>`}
        <ol class="chunks" ref=${list}>
          ${rows.map((chunk) => html`<${One} key=${chunk.id} of=${chunk} here=${chunk.id === wanted} />`)}
        </ol>
        ${chunks.more && html`<p ref=${end} class="page-wait" role="status">${strings.loading}</p>`}
      `}
    <//>
  `;
}

/** @param {{ of: Chunk, here: boolean }} props */
function One({ of, here }) {
  const words = strings.console.documents.chunks;
  const where = [pagesSaid(of), words.offsets(count(of.start_index), count(of.end_index))].filter(Boolean).join(" · ");
  return html`
    <li class=${names("card", here && "here")} tabindex=${here ? -1 : null}>
      <header>
        <strong>${words.number(of.position + 1)}</strong>
        <span>${of.heading_path.join(" › ")}</span>
        <span class="faint">${where} · <code>${of.id}</code></span>
      </header>
      <p class="piece">${of.content}</p>
    </li>
  `;
}
