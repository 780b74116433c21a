/** The collections: how much is in each, and which generation of its index is searched. */
import { Badge } from "../../kit/badge.js";
import { Table } from "../../kit/table.js";
import { count } from "../../lib/format.js";
import { go, link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/** @typedef {import("../overview.js").Overview["collections"][number]} Row */

/** @param {string} id */
const there = (id) => link(["console", "documents", id]);

/** @param {{ of: readonly Row[], more: boolean }} props */
export function Collections({ of, more }) {
  const words = strings.console.overview.collections;
  /** @type {import("../../kit/table.js").Column<Row>[]} */
  const columns = [
    {
      name: "name",
      title: words.name,
      width: "minmax(0, 3fr)",
      sort: (row) => row.name,
      cell: (row) => html`<a href=${there(row.id)}>${row.name}</a>`,
    },
    {
      name: "documents",
      title: words.documents,
      width: "9.5rem",
      right: true,
      sort: (row) => row.documents,
      cell: (row) => words.count(count(row.documents)),
    },
    { name: "chunks", title: words.chunks, right: true, phone: "hide", sort: (row) => row.chunks, cell: (row) => count(row.chunks) || "–" },
    {
      name: "generation",
      title: words.generation,
      right: true,
      sort: (row) => row.generation,
      cell: (row) => (row.generation === null ? "–" : words.number(row.generation)),
    },
    {
      name: "state",
      title: words.state,
      width: "12rem",
      phone: "end",
      sort: (row) => row.failed + row.pending,
      cell: (row) => html`<${State} of=${row} />`,
    },
  ];
  return html`
    <h2><a href=${link(["console", "documents"])}>${words.title}</a></h2>
    <${Table}
      label=${words.title}
      columns=${columns}
      rows=${of}
      rowKey=${(/** @type {Row} */ row) => row.id}
      onOpen=${(/** @type {Row} */ row) => go(there(row.id))}
      empty=${html`${words.empty} <a href=${link(["console", "documents"])}>${words.add}</a>`}
    />
    ${more && html`<p><a href=${link(["console", "documents"])}>${words.more}</a></p>`}
  `;
}

/** @param {{ of: Row }} props */
function State({ of }) {
  const words = strings.console.overview.collections;
  if (of.failed === 0 && of.pending === 0) return html`<${Badge} kind="good">${words.current}<//>`;
  return html`
    ${of.pending > 0 && html`<${Badge} kind="info">${words.pending(of.pending)}<//> `}
    ${of.failed > 0 && html`<${Badge} kind="bad">${words.failed(of.failed)}<//>`}
  `;
}
