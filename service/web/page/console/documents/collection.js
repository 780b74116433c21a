/** One collection: bring files in, follow them, find them, try a search, and change or delete it. */
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { api } from "../../lib/api.js";
import { count, size } from "../../lib/format.js";
import { go, link, query } from "../../lib/router.js";
import { html, useEffect, useState } from "../../lib/ui.js";
import { Facts } from "../facts.js";
import { strings } from "../strings.js";
import { deleteCollection } from "./deleting.js";
import { Documents } from "./documents.js";
import { Dropping } from "./dropping.js";
import { CollectionForm } from "./form.js";
import { Search } from "./search.js";
import { Sending } from "./sending.js";
import { readersSaid } from "./shapes.js";
import { upload, whenArrived } from "./uploads.js";

/** @typedef {import("./shapes.js").Store} Store */

const ALL = link(["console", "documents"]);

/** @param {{ id: string }} props */
export function Collection({ id }) {
  const store = useLoad(() => /** @type {Promise<Store>} */ (api.get(`/v1/vector_stores/${encodeURIComponent(id)}`)), [id]);
  useEffect(() => whenArrived((document) => document.vector_store_id === id && store.reload()), [id]);
  return html`
    <${Heading} title=${store.data?.name ?? id} up=${[[strings.console.screens.documents, ALL]]}>
      ${store.data && html`<${Actions} of=${store.data} onChange=${store.set} />`}
    <//>
    <${Loaded} of=${store}>
      ${(/** @type {Store} */ data) => html`<${Inside} of=${data} onChange=${store.set} />`}
    <//>
  `;
}

/** @param {{ of: Store, onChange: (store: Store) => void }} props */
function Actions({ of, onChange }) {
  const words = strings.console.documents.collection;
  const [changing, setChanging] = useState(false);
  const remove = async () => {
    if (await deleteCollection(of)) go(ALL);
  };
  return html`
    <button class="button" onClick=${() => setChanging(true)}>${words.change}</button>
    <button class="button danger" onClick=${remove}>${words.remove}</button>
    ${changing && html`<${CollectionForm} of=${of} onClose=${() => setChanging(false)} onDone=${onChange} />`}
  `;
}

/** @param {{ of: Store, onChange: (store: Store) => void }} props */
function Inside({ of, onChange }) {
  const words = strings.console.documents.collection;
  const searching = query.value.get("view") === "search";
  /** @type {readonly [string, boolean, Record<string, string>][]} */
  const views = [
    [words.documents, !searching, {}],
    [words.search, searching, { view: "search" }],
  ];
  return html`
    <${Facts}
      of=${[
        [words.count, count(of.file_counts.total)],
        [words.size, size(of.usage_bytes)],
        [words.readers, readersSaid(of.readers)],
        [words.model, of.embedding_model],
      ]}
    />
    ${of.reembedding && html`<${Move} of=${of.reembedding} />`}
    <nav class="row" aria-label=${words.views}>
      ${views.map(
        ([name, here, asked]) => html`<a
          class=${here ? "tab here" : "tab"}
          aria-current=${here ? "page" : null}
          href=${link(["console", "documents", of.id], asked)}
          >${name}</a
        >`,
      )}
    </nav>
    ${searching
      ? html`<${Search} store=${of.id} />`
      : html`
          <${Dropping} onFiles=${(/** @type {File[]} */ files) => upload(of.id, files)} />
          <${Sending} store=${of.id} />
          <${Documents} of=${of} onStore=${onChange} />
        `}
  `;
}

/** On the way to another embedding model. @param {{ of: NonNullable<Store["reembedding"]> }} props */
function Move({ of }) {
  const words = strings.console.documents.collection;
  return html`
    <div class="note">
      <p>${words.moving(of.target_model, count(of.done), count(of.total))}</p>
      <progress aria-label=${of.target_model} max=${of.total || 1} value=${of.done}></progress>
      ${of.failed > 0 && html`<p class="wrong">${words.held(of.failed, of.last_error ?? "")}</p>`}
    </div>
  `;
}

