/** The feedback log: every judgement as it stands, the newest first. */
import { Loaded } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { Table } from "../../kit/table.js";
import { api, withQuery } from "../../lib/api.js";
import { ago, when } from "../../lib/format.js";
import { go, link } from "../../lib/router.js";
import { html, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Export } from "./export.js";
import { asked, asQuery, Filters } from "./filters.js";
import { inShort, Rating, shortName } from "./said.js";

/** @typedef {import("./said.js").Judgement} Judgement */

export function List() {
  const words = strings.console.feedback;
  const wanted = asked();
  const [exporting, setExporting] = useState(false);
  const pages = usePages((after) => page(wanted, after), [JSON.stringify(wanted)]);
  return html`
    <${Filters} />
    <div class="row">
      <p class="faint">${words.open}</p>
      <span class="spacer"></span>
      <button class="button" onClick=${pages.reload}>${words.reload}</button>
      <button class="button" onClick=${() => setExporting(true)}>${words.export}</button>
    </div>
    <${Loaded} of=${pages}>
      ${(/** @type {Judgement[]} */ rows) => html`
        <${Table}
          label=${words.tabs.judgements}
          columns=${columns()}
          rows=${rows}
          rowKey=${(/** @type {Judgement} */ row) => row.id}
          onOpen=${(/** @type {Judgement} */ row) => go(link(["console", "feedback", "answer", row.answers[0]]))}
          onNear=${pages.more ? pages.near : undefined}
          empty=${Object.keys(wanted).length ? words.noMatch : words.none}
        />
        ${pages.loading && html`<p class="page-wait" role="status">${strings.loading}</p>`}
      `}
    <//>
    ${exporting && html`<${Export} wanted=${wanted} onClose=${() => setExporting(false)} />`}
  `;
}

/**
 * A page with something on it: the service may end one early where little of the log matches.
 *
 * @param {import("./filters.js").Asked} wanted
 * @param {string | null} after
 */
async function page(wanted, after) {
  for (;;) {
    const found = await api.get(withQuery("/v1/feedback", { ...asQuery(wanted), limit: 100, after }));
    if (found.data.length > 0 || !found.has_more) return found;
    after = found.last_id;
  }
}

/** @returns {readonly import("../../kit/table.js").Column<Judgement>[]} */
function columns() {
  const words = strings.console.feedback;
  return [
    {
      name: "rating",
      title: words.columns.rating,
      width: "9.5rem",
      cell: (row) => html`<${Rating} rating=${row.rating} />${!row.current && html` <span class="faint">${words.old}</span>`}`,
    },
    { name: "said", title: words.columns.said, width: "minmax(0, 3fr)", cell: (row) => inShort(row.details) },
    {
      name: "version",
      title: words.columns.version,
      width: "minmax(0, 1.4fr)",
      cell: (row) => html`<span title=${row.versions.join(", ")}>${[...new Set(row.versions)].join(", ")}</span>`,
    },
    { name: "segment", title: words.columns.segment, width: "minmax(0, 0.8fr)", phone: "hide", cell: (row) => row.segment },
    {
      name: "voter",
      title: words.columns.voter,
      width: "minmax(0, 1.4fr)",
      phone: "hide",
      cell: (row) => html`<a href=${link(["console", "feedback", "voters", row.voter])} title=${row.voter}>${shortName(row.voter)}</a>`,
    },
    {
      name: "at",
      title: words.columns.at,
      width: "8rem",
      right: true,
      phone: "end",
      cell: (row) => html`<time title=${when(row.created_at)}>${ago(row.created_at)}</time>`,
    },
  ];
}
