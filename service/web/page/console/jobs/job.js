/** One job: how far it is, what went wrong, and the end of its log. */
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { useTurns } from "../../kit/turns.js";
import { api } from "../../lib/api.js";
import { ago, count, when } from "../../lib/format.js";
import { go, link } from "../../lib/router.js";
import { html, useLayoutEffect, useRef } from "../../lib/ui.js";
import { Facts } from "../facts.js";
import { strings } from "../strings.js";
import { JobState } from "./list.js";
import { cancel, cancellable, jobLink, jobName, jobPath, retry, retryable, subjectLink } from "./shapes.js";

/** @typedef {import("./shapes.js").Job} Job */

const EVERY_MS = 2_000;

/** @param {{ id: string }} props */
export function JobScreen({ id }) {
  const words = strings.console.jobs;
  const job = useLoad(() => /** @type {Promise<Job>} */ (api.get(jobPath(id))), [id]);
  const log = useLoad(() => api.text(`${jobPath(id)}/log`), [id]);
  const of = job.data;
  useTurns(
    async () => {
      const [now, text] = await Promise.all([api.get(jobPath(id)), api.text(`${jobPath(id)}/log`)]);
      job.set(now);
      log.set(text);
    },
    of?.status === "in_progress" ? EVERY_MS : 0,
  );
  /** @param {(job: Job) => Promise<Job | null>} act */
  const after = async (act) => {
    const now = of && (await act(of));
    if (!now) return;
    if (now.id !== id) return go(jobLink(now));
    job.set(now);
    log.reload();
  };
  return html`
    <${Heading}
      title=${of ? jobName(of) : id}
      up=${[[strings.console.screens.jobs, link(["console", "jobs"])]]}
    >
      ${of && cancellable(of) && html`<button class="button danger" onClick=${() => after(cancel)}>${words.cancel}</button>`}
      ${of && retryable(of) && html`<button class="button primary" onClick=${() => after(retry)}>${words.retry}</button>`}
    <//>
    <${Loaded} of=${job}>
      ${(/** @type {Job} */ data) => html`
        <${Why} of=${data} />
        <${Facts}
          of=${[
            [words.state, html`<${JobState} of=${data} />`],
            [words.kind, words.kinds[data.kind]],
            [
              words.about,
              html`<a href=${subjectLink(data)}>${data.kind === "ingest" ? words.document : words.cycle}</a>`,
            ],
            [words.attempts, count(data.attempts)],
            [words.created, html`<span title=${when(data.created_at)}>${ago(data.created_at)}</span>`],
            [words.updated, html`<span title=${when(data.updated_at)}>${ago(data.updated_at)}</span>`],
            [
              words.version,
              data.kind === "train" &&
                data.version &&
                html`<a class="version" href=${link(["console", "versions", data.version])}>${data.version}</a>`,
            ],
          ]}
        />
      `}
    <//>
    <h2>${words.log}</h2>
    <${Loaded} of=${log}>${(/** @type {string} */ text) => html`<${Log} text=${text} />`}<//>
  `;
}

/** Why it failed, or waits. @param {{ of: Job }} props */
function Why({ of }) {
  const words = strings.console.documents.reasons;
  if (of.kind === "train") return of.reason ? html`<p class="note">${of.reason}</p>` : null;
  if (!of.last_error) return null;
  return html`<div class="note bad">
    <strong>${words[of.last_error.reason] ?? of.last_error.reason}</strong>
    <p>${of.last_error.message}</p>
  </div>`;
}

/** The log, which stays at its end unless one has scrolled up in it. @param {{ text: string }} props */
function Log({ text }) {
  const words = strings.console.jobs;
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  /** @param {Event} event */
  const scrolled = (event) => {
    const { scrollTop, clientHeight, scrollHeight } = /** @type {HTMLElement} */ (event.currentTarget);
    atEnd.current = scrollTop + clientHeight > scrollHeight - 16;
  };
  if (!text.trim()) return html`<p class="faint">${words.noLog}</p>`;
  return html`<pre class="log" ref=${box} tabindex="0" role="log" aria-label=${words.log} aria-live="off" onScroll=${scrolled}>${text}</pre>`;
}
