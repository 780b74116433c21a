/** All jobs: the newest cycles, then the newest ingestions. */
import { Heading } from "../../kit/crumbs.js";
import { Loaded } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { Table } from "../../kit/table.js";
import { useTurns } from "../../kit/turns.js";
import { api, withQuery } from "../../lib/api.js";
import { ago, count, when } from "../../lib/format.js";
import { go, link, query } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { State } from "../documents/state.js";
import { STATES, cancel, cancellable, jobLink, jobName, jobPath, retry, retryable } from "./shapes.js";

/** @typedef {import("./shapes.js").Job} Job */

const EVERY_MS = 3_000;
const PAGE = 100;
/** Jobs that ended are looked at one by one, this many a turn. */
const ENDED = 20;

export function Jobs() {
  const words = strings.console.jobs;
  const status = query.value.get("status") ?? "";
  const kind = query.value.get("kind") ?? "";
  const jobs = usePages((after) => api.get(withQuery("/v1/jobs", { limit: PAGE, after, status, kind })), [status, kind]);
  const fresh = async () => {
    const news = await look(kind, jobs.data ?? []);
    jobs.edit((rows) => merged(rows, news).filter((job) => !status || job.status === status));
  };
  useTurns(fresh, status === "" || status === "in_progress" ? EVERY_MS : 0);
  /** @param {Job} job @param {(job: Job) => Promise<Job | null>} act */
  const after = async (job, act) => {
    const now = await act(job);
    if (now) jobs.edit((rows) => merged(rows, [now]));
  };
  /** @param {Record<string, string>} change */
  const filter = (change) => go(link(["console", "jobs"], { status, kind, ...change }), { replace: true });
  return html`
    <${Heading} title=${strings.console.screens.jobs} />
    <div class="row filters" role="search" aria-label=${words.find}>
      <select aria-label=${words.kind} value=${kind} onChange=${(/** @type {any} */ event) => filter({ kind: event.currentTarget.value })}>
        <option value="">${words.allKinds}</option>
        ${Object.entries(words.kinds).map(([value, name]) => html`<option value=${value}>${name}</option>`)}
      </select>
      <select aria-label=${words.status} value=${status} onChange=${(/** @type {any} */ event) => filter({ status: event.currentTarget.value })}>
        <option value="">${words.allStates}</option>
        ${STATES.map((one) => html`<option value=${one}>${words.states[one]}</option>`)}
      </select>
    </div>
    <${Loaded} of=${jobs}>
      ${(/** @type {Job[]} */ rows) => html`<${Table}
        label=${strings.console.screens.jobs}
        columns=${columns(after)}
        rows=${rows}
        rowKey=${(/** @type {Job} */ job) => job.id}
        onOpen=${(/** @type {Job} */ job) => go(jobLink(job))}
        onNear=${jobs.more ? jobs.near : undefined}
        empty=${status || kind ? words.none : words.empty}
      />`}
    <//>
  `;
}

/**
 * What is at work now, and what became of the loaded jobs that were.
 *
 * @param {string} kind
 * @param {readonly Job[]} loaded
 * @returns {Promise<Job[]>}
 */
async function look(kind, loaded) {
  const page = await api.get(withQuery("/v1/jobs", { status: "in_progress", kind, limit: PAGE }));
  const busy = new Set(page.data.map((/** @type {Job} */ job) => job.id));
  const ended = page.has_more ? [] : loaded.filter((job) => job.status === "in_progress" && !busy.has(job.id));
  // One that cannot be found any more was deleted with its document; the list is right again when it is next loaded.
  const found = await Promise.all(ended.slice(0, ENDED).map((job) => api.get(jobPath(job.id)).catch(() => null)));
  return [...page.data, ...found.filter((job) => job !== null)];
}

/** @param {readonly Job[]} rows @param {readonly Job[]} news @returns {Job[]} With news of those that are there, and new ones on top. */
function merged(rows, news) {
  const by = new Map(news.map((job) => [job.id, job]));
  const known = new Set(rows.map((job) => job.id));
  // Older ones that are not loaded yet come with their own page.
  const newest = rows.length ? Math.max(...rows.slice(0, PAGE).map((job) => job.created_at)) : 0;
  const added = news.filter((job) => !known.has(job.id) && job.created_at >= newest);
  return [...added, ...rows.map((job) => by.get(job.id) ?? job)];
}

/**
 * @param {(job: Job, act: (job: Job) => Promise<Job | null>) => void} onAct
 * @returns {import("../../kit/table.js").Column<Job>[]}
 */
function columns(onAct) {
  const words = strings.console.jobs;
  return [
    {
      name: "name",
      title: words.name,
      width: "minmax(0, 3fr)",
      cell: (job) => html`<a href=${jobLink(job)}>${jobName(job)}</a>`,
    },
    { name: "kind", title: words.kind, width: "6.5rem", phone: "hide", cell: (job) => words.kinds[job.kind] },
    { name: "state", title: words.state, width: "minmax(0, 2fr)", cell: (job) => html`<${JobState} of=${job} />` },
    {
      name: "attempts",
      title: words.attempts,
      width: "5rem",
      right: true,
      phone: "hide",
      cell: (job) => count(job.attempts),
    },
    {
      name: "updated",
      title: words.updated,
      width: "8.5rem",
      phone: "hide",
      cell: (job) => html`<span title=${when(job.updated_at)}>${ago(job.updated_at)}</span>`,
    },
    {
      name: "do",
      title: "",
      label: words.actions,
      width: "5.5rem",
      right: true,
      phone: "end",
      cell: (job) => html`
        ${cancellable(job) &&
        html`<button class="button quiet small" aria-label=${words.cancelOf(jobName(job))} onClick=${() => onAct(job, cancel)}>${words.cancel}</button>`}
        ${retryable(job) &&
        html`<button class="button quiet small" aria-label=${words.retryOf(jobName(job))} onClick=${() => onAct(job, retry)}>${words.retry}</button>`}
      `,
    },
  ];
}

/** @param {{ of: Job }} props */
export function JobState({ of }) {
  if (of.kind === "ingest") return html`<${State} of=${of} />`;
  return html`<${State} of=${{ ...of, last_error: null, filename: jobName(of) }} />
    ${of.status === "failed" && html`<span class="why">${of.reason}</span>`}`;
}
