/** All cycles, the newest first, and what the next one of each scope waits for. */
import { Heading } from "../../kit/crumbs.js";
import { confirm } from "../../kit/dialog.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { Table } from "../../kit/table.js";
import { toast } from "../../kit/toast.js";
import { api, withQuery } from "../../lib/api.js";
import { ago, duration, when } from "../../lib/format.js";
import { go, link } from "../../lib/router.js";
import { said } from "../../lib/said.js";
import { html, useEffect, useRef } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Floors } from "../floors.js";
import { scopeName } from "../scopes.js";
import { CycleState } from "./state.js";

const EVERY_MS = 5000;

/** @typedef {import("./state.js").Cycle} Cycle */
/**
 * @typedef {object} Planned What the next cycle of a scope waits for.
 * @property {string} scope
 * @property {boolean} due
 * @property {string} reason
 * @property {string[]} waits_for
 * @property {number} judgements
 * @property {number} judgements_needed
 * @property {number} new
 * @property {number} new_needed
 * @property {number} voters
 * @property {number} voters_needed
 * @property {number | null} not_before
 */

export function List() {
  const words = strings.console.cycles;
  const newest = useLoad(() => api.get("/v1/training/cycles?limit=1"), [], { everyMs: EVERY_MS });
  const pages = usePages((after) => api.get(withQuery("/v1/training/cycles", { limit: 50, after })), []);
  const seen = useRef("");
  const [first] = newest.data?.data ?? [];
  const mark = first ? [first.id, first.state, first.step, first.settled_at].join() : "";
  useEffect(() => {
    if (seen.current && mark !== seen.current) pages.reload();
    seen.current = mark;
  }, [mark]);
  return html`
    <${Heading} title=${strings.console.screens.cycles} />
    <section class="stack" aria-label=${words.next}>
      <h2>${words.next}</h2>
      <${Loaded} of=${newest}>
        ${(/** @type {{ next: Planned[] }} */ data) => html`
          <div class="nexts">
            ${data.next.map((one) => html`<${Next} key=${one.scope} plan=${one} onStarted=${pages.reload} />`)}
          </div>
        `}
      <//>
    </section>
    <section class="stack" aria-label=${words.all}>
      <h2>${words.all}</h2>
      <${Loaded} of=${pages}>
        ${(/** @type {Cycle[]} */ rows) => html`
          <${Table}
            label=${words.all}
            columns=${columns()}
            rows=${rows}
            rowKey=${(/** @type {Cycle} */ row) => row.id}
            onOpen=${(/** @type {Cycle} */ row) => go(link(["console", "cycles", row.id]))}
            onNear=${pages.more ? pages.near : undefined}
            empty=${words.none}
          />
        `}
      <//>
    </section>
  `;
}

/** @param {{ plan: Planned, onStarted: () => void }} props */
function Next({ plan, onStarted }) {
  const words = strings.console.cycles;
  const start = async () => {
    const answer = await confirm({
      title: words.start,
      text: plan.due ? words.startText(scopeName(plan.scope)) : words.forceText(scopeName(plan.scope), plan.reason),
      action: words.start,
    });
    if (!answer) return;
    try {
      const cycle = await api.post("/v1/training/cycles", { scope: plan.scope, force: !plan.due });
      toast(words.started);
      onStarted();
      go(link(["console", "cycles", cycle.id]));
    } catch (error) {
      toast(said(error), "wrong");
    }
  };
  return html`
    <article class="card stack">
      <div class="row">
        <h3>${scopeName(plan.scope)}</h3>
        <span class="spacer"></span>
        <button class="button" onClick=${start}>${words.start}<span class="unseen"> ${scopeName(plan.scope)}</span></button>
      </div>
      <p class="sentence">${plan.due ? strings.console.floors.due : plan.reason}</p>
      <${Floors} of=${plan} />
    </article>
  `;
}

/** @returns {readonly import("../../kit/table.js").Column<Cycle>[]} */
function columns() {
  const words = strings.console.cycles;
  return [
    { name: "state", title: words.columns.state, width: "8.5rem", cell: (row) => html`<${CycleState} state=${row.state} />` },
    {
      name: "why",
      title: words.columns.why,
      width: "minmax(0, 3fr)",
      cell: (row) => html`<span title=${row.reason}>${row.state === "running" && row.step ? atWork(row) : row.reason}</span>`,
    },
    { name: "scope", title: words.columns.scope, width: "minmax(0, 1fr)", phone: "hide", cell: (row) => scopeName(row.scope) },
    {
      name: "version",
      title: words.columns.version,
      width: "minmax(0, 1.3fr)",
      phone: "hide",
      cell: (row) =>
        row.version && html`<a class="version" href=${link(["console", "versions", row.version])}>${row.version}</a>`,
    },
    { name: "took", title: words.columns.took, width: "7rem", right: true, phone: "hide", cell: (row) => took(row) },
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

/** @param {Cycle} cycle @returns {string} */
function atWork(cycle) {
  const words = strings.console.cycles;
  return words.atWork(/** @type {Record<string, string>} */ (words.steps)[cycle.step] ?? cycle.step);
}

/** @param {Cycle} cycle @returns {string} */
const took = (cycle) =>
  cycle.started_at === null || cycle.finished_at === null ? "" : duration(cycle.finished_at - cycle.started_at);
