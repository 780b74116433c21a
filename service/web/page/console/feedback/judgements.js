/** What people said of one answer, what became of each judgement, and keeping its voter out of training. */
import { Badge } from "../../kit/badge.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { api } from "../../lib/api.js";
import { ago, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Exclusion } from "./exclusion.js";
import { Rating, Said, shortName } from "./said.js";

/** @typedef {import("./said.js").Judgement} OnAnswer */
/** @typedef {{ at: number, what: string, cycle: string | null, version: string | null, reason: string | null }} Event */

/** @param {{ of: OnAnswer[] }} props */
export function Judgements({ of }) {
  const words = strings.console.feedback;
  if (of.length === 0) return html`<p class="nothing faint">${words.replay.unjudged}</p>`;
  return html`
    <ul class="bare stack">
      ${of.map((one) => html`<${One} key=${one.id} judgement=${one} />`)}
    </ul>
  `;
}

/** @param {{ judgement: OnAnswer }} props */
function One({ judgement }) {
  const words = strings.console.feedback;
  const [open, setOpen] = useState(false);
  return html`
    <li class="card stack">
      <div class="row tight">
        <${Rating} rating=${judgement.rating} />
        <a href=${link(["console", "feedback", "voters", judgement.voter])} title=${judgement.voter}>${shortName(judgement.voter)}</a>
        <time class="faint" title=${when(judgement.created_at)}>${ago(judgement.created_at)}</time>
        ${!judgement.current && html`<${Badge}>${words.old}<//>`}
        ${!judgement.consent && html`<${Badge} kind="warn">${words.noConsent}<//>`}
      </div>
      ${judgement.kind === "preference" &&
      html`<ol class="small compared">
        ${judgement.answers.map(
          (answer, at) => html`<li>
            <a href=${link(["console", "feedback", "answer", answer])}>${judgement.versions[at]}</a>
          </li>`,
        )}
      </ol>`}
      <${Said} details=${judgement.details} />
      <details onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}>
        <summary>${words.became}</summary>
        ${open && html`<${Became} judgement=${judgement} />`}
      </details>
    </li>
  `;
}

/** @param {{ judgement: OnAnswer }} props */
function Became({ judgement }) {
  const words = strings.console.feedback;
  const path = `/v1/feedback/${encodeURIComponent(judgement.id)}/lineage`;
  const story = useLoad(() => api.get(path), [path]);
  const voter = useLoad(() => api.get(`/v1/voters/${encodeURIComponent(judgement.voter)}`), [judgement.voter]);
  return html`
    <${Loaded} of=${story}>
      ${(/** @type {{ summary: string, lineage: Event[] }} */ found) => html`
        <p><span class="faint">${words.told}</span> <q>${found.summary}</q></p>
        <ol class="story">
          ${found.lineage.map((event) => html`<${Happened} event=${event} />`)}
        </ol>
      `}
    <//>
    ${voter.data && html`<p><${Exclusion} voter=${voter.data} onDone=${voter.set} /></p>`}
  `;
}

/** @param {{ event: Event }} props */
function Happened({ event }) {
  const words = /** @type {Record<string, string>} */ (strings.console.feedback.events);
  return html`
    <li>
      <strong>${words[event.what] ?? event.what}</strong>
      <time class="faint"> ${when(event.at)}</time>
      ${event.reason && html`<span> · ${event.reason}</span>`}
      ${event.cycle && html` · <a href=${link(["console", "cycles", event.cycle])}>${event.cycle}</a>`}
      ${event.version && html` · <a href=${link(["console", "versions", event.version])}>${event.version}</a>`}
    </li>
  `;
}
