/** One document: what became of it, and the passages it was cut into. */
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { useTurns } from "../../kit/turns.js";
import { api } from "../../lib/api.js";
import { ago, count, size, when } from "../../lib/format.js";
import { go, link } from "../../lib/router.js";
import { html, useState } from "../../lib/ui.js";
import { Facts } from "../facts.js";
import { strings } from "../strings.js";
import { Chunks } from "./chunks.js";
import { DeleteDocument } from "./deleting.js";
import { filesPath } from "./following.js";
import { State, ingestAgain } from "./state.js";

/** @typedef {import("./shapes.js").Doc} Doc */

const EVERY_MS = 1_500;

/** @param {{ store: string, id: string }} props */
export function DocumentScreen({ store, id }) {
  const words = strings.console.documents;
  const collection = useLoad(() => api.get(`/v1/vector_stores/${encodeURIComponent(store)}`), [store]);
  const doc = useLoad(() => /** @type {Promise<Doc>} */ (api.get(filesPath(store, id))), [store, id]);
  const [deleting, setDeleting] = useState(false);
  const back = link(["console", "documents", store]);
  useTurns(async () => doc.set(await api.get(filesPath(store, id))), doc.data?.status === "in_progress" ? EVERY_MS : 0);
  const again = async () => {
    const queued = doc.data && (await ingestAgain(doc.data));
    if (queued) doc.set(queued);
  };
  const ended = doc.data?.status === "failed" || doc.data?.status === "cancelled";
  return html`
    <${Heading}
      title=${doc.data?.title || doc.data?.filename || id}
      up=${[[strings.console.screens.documents, link(["console", "documents"])], [collection.data?.name ?? store, back]]}
    >
      ${doc.data &&
      html`
        ${ended && html`<button class="button primary" onClick=${again}>${words.document.again}</button>`}
        <a class="button" href=${`/v1/files/${encodeURIComponent(id)}/content`} download=${doc.data.filename}>${words.document.download}</a>
        <button class="button danger" onClick=${() => setDeleting(true)}>${words.document.remove}</button>
      `}
    <//>
    <${Loaded} of=${doc}>
      ${(/** @type {Doc} */ of) => html`
        ${of.last_error &&
        html`<div class="note bad" role="alert">
          <strong>${words.reasons[of.last_error.reason] ?? words.status.failed}</strong>
          <p>${of.last_error.message}</p>
        </div>`}
        <${Facts}
          of=${[
            [words.document.state, html`<${State} of=${of} />`],
            [words.document.file, of.filename],
            [words.document.size, size(of.usage_bytes)],
            [words.document.chunks, count(of.chunk_count)],
            [words.document.added, html`<span title=${when(of.created_at)}>${ago(of.created_at)}</span>`],
          ]}
        />
        ${of.status === "completed" && html`<${Chunks} store=${store} id=${id} />`}
      `}
    <//>
    ${deleting &&
    doc.data &&
    html`<${DeleteDocument} of=${doc.data} onClose=${() => setDeleting(false)} onDone=${() => go(back)} />`}
  `;
}
