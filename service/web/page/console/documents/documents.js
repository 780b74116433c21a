/** The documents of one collection: a list of any length, with what became of each. */
import { Loaded } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { Table } from "../../kit/table.js";
import { api, withQuery } from "../../lib/api.js";
import { ago, count, size, when } from "../../lib/format.js";
import { go, link, query } from "../../lib/router.js";
import { html, useEffect, useMemo, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { DeleteDocument } from "./deleting.js";
import { filesPath, useFollowing } from "./following.js";
import { State, ingestAgain } from "./state.js";
import { whenArrived } from "./uploads.js";

/** @typedef {import("./shapes.js").Doc} Doc */
/** @typedef {import("./shapes.js").Store} Store */

const STATES = /** @type {const} */ (["in_progress", "completed", "failed", "cancelled"]);

/** @param {Doc} doc @returns {string} */
const there = (doc) => link(["console", "documents", doc.vector_store_id, doc.id]);

/** @param {{ of: Store, onStore: (store: Store) => void }} props */
export function Documents({ of, onStore }) {
  const words = strings.console.documents;
  const status = query.value.get("status") ?? "";
  const [name, setName] = useState("");
  const [deleting, setDeleting] = useState(/** @type {Doc | null} */ (null));
  const sought = name.trim().toLowerCase();
  const docs = usePages((after) => api.get(withQuery(filesPath(of.id), { limit: 100, after, filter: status })), [of.id, status], {
    // Names are looked for here, so all of them must be here.
    whole: sought !== "",
  });

  useEffect(
    () =>
      whenArrived((doc) => {
        if (doc.vector_store_id !== of.id || (status && doc.status !== status)) return;
        docs.edit((rows) => [doc, ...rows.filter((row) => row.id !== doc.id)]);
      }),
    [of.id, status, docs.edit],
  );
  // What is quick is done before the collection is counted again; its row was told to be in progress, and nothing else.
  const busy = of.file_counts.in_progress > 0 || (docs.data ?? []).some((/** @type {Doc} */ doc) => doc.status === "in_progress");
  useFollowing(of.id, busy, () => docs.data ?? [], ({ store, fresh, gone }) => {
    onStore(store);
    const news = new Map(fresh.map((doc) => [doc.id, doc]));
    docs.edit((rows) => rows.filter((row) => !gone.includes(row.id)).map((row) => news.get(row.id) ?? row));
  });

  const rows = useMemo(
    () =>
      (docs.data ?? []).filter(
        (/** @type {Doc} */ doc) =>
          (!status || doc.status === status) &&
          (!sought || doc.filename.toLowerCase().includes(sought) || doc.title.toLowerCase().includes(sought)),
      ),
    [docs.data, status, sought],
  );
  /** @param {Doc} doc */
  const again = async (doc) => {
    const queued = await ingestAgain(doc);
    if (!queued) return;
    docs.edit((all) => all.map((row) => (row.id === queued.id ? queued : row)));
    // The collection's counts say that something is in progress, and with that it is followed.
    onStore({ ...of, file_counts: { ...of.file_counts, in_progress: of.file_counts.in_progress + 1 } });
  };
  return html`
    <div class="row filters" role="search" aria-label=${words.list.find}>
      <input
        type="search"
        class="grows"
        aria-label=${words.list.name}
        placeholder=${words.list.name}
        value=${name}
        onInput=${(/** @type {any} */ event) => setName(event.target.value)}
      />
      <${Status} of=${of} status=${status} />
      <span class="faint" role="status">
        ${sought && docs.data && (docs.loading || docs.more ? words.list.looking(count(docs.data.length)) : words.list.found(rows.length))}
      </span>
    </div>
    ${of.file_counts.failed > 0 && status !== "failed" && html`<${Failures} of=${of} />`}
    <${Loaded} of=${docs}>
      ${() => html`<${Table}
        label=${words.list.title}
        columns=${columns(again, setDeleting)}
        rows=${rows}
        rowKey=${(/** @type {Doc} */ doc) => doc.id}
        onOpen=${(/** @type {Doc} */ doc) => go(there(doc))}
        onNear=${docs.more ? docs.near : undefined}
        total=${sought ? undefined : status ? of.file_counts[/** @type {Doc["status"]} */ (status)] : of.file_counts.total}
        empty=${sought || status ? words.list.none : words.list.empty}
      />`}
    <//>
    ${deleting &&
    html`<${DeleteDocument}
      of=${deleting}
      onClose=${() => setDeleting(null)}
      onDone=${() => {
        docs.edit((all) => all.filter((row) => row.id !== deleting.id));
        onStore({ ...of, file_counts: without(of.file_counts, deleting.status) });
      }}
    />`}
  `;
}

/** @param {Store["file_counts"]} counts @param {Doc["status"]} status @returns {Store["file_counts"]} One less. */
const without = (counts, status) => ({ ...counts, [status]: Math.max(0, counts[status] - 1), total: Math.max(0, counts.total - 1) });

/** @param {{ of: Store, status: string }} props */
function Status({ of, status }) {
  const words = strings.console.documents;
  /** @param {any} event */
  const choose = (event) => go(link(["console", "documents", of.id], { status: event.currentTarget.value }), { replace: true });
  return html`
    <select aria-label=${words.list.status} value=${status} onChange=${choose}>
      <option value="">${words.list.all(count(of.file_counts.total))}</option>
      ${STATES.map((one) => html`<option value=${one}>${words.status[one]} (${count(of.file_counts[one])})</option>`)}
    </select>
  `;
}

/** @param {{ of: Store }} props */
function Failures({ of }) {
  const words = strings.console.documents.list;
  return html`
    <p class="note bad row">
      <span>${words.failures(of.file_counts.failed)}</span>
      <a href=${link(["console", "documents", of.id], { status: "failed" })}>${words.show}</a>
    </p>
  `;
}

/**
 * @param {(doc: Doc) => void} onAgain
 * @param {(doc: Doc) => void} onDelete
 * @returns {import("../../kit/table.js").Column<Doc>[]}
 */
function columns(onAgain, onDelete) {
  const words = strings.console.documents.list;
  return [
    {
      name: "name",
      title: words.file,
      width: "minmax(0, 3fr)",
      sort: (doc) => doc.filename,
      cell: (doc) => html`<a href=${there(doc)} title=${doc.title || doc.filename}>${doc.filename}</a>`,
    },
    { name: "state", title: words.state, width: "minmax(0, 3fr)", cell: (doc) => html`<${State} of=${doc} />` },
    { name: "chunks", title: words.chunks, width: "5rem", right: true, phone: "hide", sort: (doc) => doc.chunk_count, cell: (doc) => count(doc.chunk_count) },
    { name: "size", title: words.size, width: "5.5rem", right: true, phone: "hide", sort: (doc) => doc.usage_bytes, cell: (doc) => size(doc.usage_bytes) },
    {
      name: "added",
      title: words.added,
      width: "8.5rem",
      phone: "hide",
      sort: (doc) => doc.created_at,
      cell: (doc) => html`<span title=${when(doc.created_at)}>${ago(doc.created_at)}</span>`,
    },
    {
      name: "do",
      title: "",
      label: words.actions,
      width: "9.5rem",
      right: true,
      phone: "end",
      cell: (doc) => html`
        ${(doc.status === "failed" || doc.status === "cancelled") &&
        html`<button class="button quiet small" aria-label=${words.againOf(doc.filename)} onClick=${() => onAgain(doc)}>${words.again}</button>`}
        <button class="button quiet small" aria-label=${words.removeOf(doc.filename)} onClick=${() => onDelete(doc)}>${words.remove}</button>
      `,
    },
  ];
}
