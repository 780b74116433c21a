/** All collections, and how to make one. */
import { Badge } from "../../kit/badge.js";
import { Heading } from "../../kit/crumbs.js";
import { Loaded } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { Table } from "../../kit/table.js";
import { useTurns } from "../../kit/turns.js";
import { api, withQuery } from "../../lib/api.js";
import { ago, count, size } from "../../lib/format.js";
import { go, link } from "../../lib/router.js";
import { html, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { CollectionForm } from "./form.js";
import { readersSaid } from "./shapes.js";

/** @typedef {import("./shapes.js").Store} Store */

const EVERY_MS = 5_000;

/** @param {string} id @returns {string} */
export const collectionLink = (id) => link(["console", "documents", id]);

export function Collections() {
  const words = strings.console.documents.collections;
  const [making, setMaking] = useState(false);
  const stores = usePages((after) => api.get(withQuery("/v1/vector_stores", { limit: 100, after })), []);
  const busy = stores.data?.some((/** @type {Store} */ store) => store.status === "in_progress") ?? false;
  useTurns(async () => {
    const page = await api.get(withQuery("/v1/vector_stores", { limit: 100 }));
    const news = new Map(page.data.map((/** @type {Store} */ store) => [store.id, store]));
    stores.edit((rows) => rows.map((row) => news.get(row.id) ?? row));
  }, busy ? EVERY_MS : 0);

  /** @type {import("../../kit/table.js").Column<Store>[]} */
  const columns = [
    {
      name: "name",
      title: words.name,
      width: "minmax(0, 2fr)",
      sort: (store) => store.name,
      cell: (store) => html`<a href=${collectionLink(store.id)}>${store.name}</a>`,
    },
    {
      name: "documents",
      title: words.documents,
      width: "8rem",
      right: true,
      sort: (store) => store.file_counts.total,
      cell: (store) => words.count(store.file_counts.total, count(store.file_counts.total)),
    },
    {
      name: "state",
      title: words.state,
      width: "minmax(6rem, 12rem)",
      phone: "end",
      cell: (store) => html`<${State} of=${store} />`,
    },
    {
      name: "readers",
      title: words.readers,
      width: "minmax(0, 2fr)",
      cell: (store) => html`<span title=${readersSaid(store.readers)}>${readersSaid(store.readers)}</span>`,
    },
    {
      name: "size",
      title: words.size,
      width: "6rem",
      right: true,
      phone: "hide",
      sort: (store) => store.usage_bytes,
      cell: (store) => size(store.usage_bytes),
    },
    {
      name: "active",
      title: words.active,
      width: "8.5rem",
      phone: "hide",
      sort: (store) => store.last_active_at,
      cell: (store) => ago(store.last_active_at),
    },
  ];
  return html`
    <${Heading} title=${strings.console.screens.documents}>
      <button class="button primary" onClick=${() => setMaking(true)}>${words.make}</button>
    <//>
    <${Loaded} of=${stores}>
      ${(/** @type {Store[]} */ rows) => html`<${Table}
        label=${words.title}
        columns=${columns}
        rows=${rows}
        rowKey=${(/** @type {Store} */ store) => store.id}
        onOpen=${(/** @type {Store} */ store) => go(collectionLink(store.id))}
        onNear=${stores.more ? stores.near : undefined}
        empty=${words.empty}
      />`}
    <//>
    ${making &&
    html`<${CollectionForm}
      onClose=${() => setMaking(false)}
      onDone=${(/** @type {Store} */ store) => go(collectionLink(store.id))}
    />`}
  `;
}

/** @param {{ of: Store }} props */
function State({ of }) {
  const words = strings.console.documents.collections;
  const { in_progress: busy, failed, total } = of.file_counts;
  if (of.reembedding) return html`<${Badge} kind="info">${words.moving}<//>`;
  if (busy + failed === 0) return total ? html`<${Badge} kind="good">${words.ready}<//>` : "";
  return html`
    ${busy > 0 && html`<${Badge} kind="info">${words.busy(busy)}<//> `}
    ${failed > 0 && html`<${Badge} kind="bad">${words.failed(failed)}<//>`}
  `;
}
