/** One run over the golden set: its figures, and every question that failed with what was expected and what was given. */
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { toast } from "../../kit/toast.js";
import { api } from "../../lib/api.js";
import { count, duration, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { said } from "../../lib/said.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Section } from "../cycles/one.js";
import { Facts } from "../facts.js";
import { useLive } from "../live.js";
import { FiguresTable } from "./figures.js";
import { going, RunState } from "./runs.js";

const EVERY_MS = 1500;

/** @typedef {{ question: string, expected: string, text: string, why: string, citations: { number: number, title: string, content: string }[] }} Failing */
/** @typedef {import("./runs.js").EvaluationRun & { failing: Failing[] }} Whole */

/** @param {{ id: string }} props */
export function Run({ id }) {
  const words = strings.console.evaluation;
  const path = `/v1/evaluation/runs/${encodeURIComponent(id)}`;
  const run = useLoad(() => /** @type {Promise<Whole>} */ (api.get(path)), [path]);
  useLive(run, run.data && going(run.data) ? EVERY_MS : 0);
  const cancel = async () => {
    try {
      run.set({ failing: [], ...(await api.post(`${path}/cancel`)) });
      toast(words.cancelled);
    } catch (error) {
      toast(said(error), "wrong");
    }
  };
  return html`
    <${Heading}
      title=${run.data?.version ? words.runOn(run.data.version) : words.run}
      up=${[[strings.console.screens.evaluation, link(["console", "evaluation"])]]}
    >
      ${run.data && going(run.data) && html`<button class="button danger" onClick=${cancel}>${words.cancel}</button>`}
    <//>
    <${Loaded} of=${run}>${(/** @type {Whole} */ found) => html`<${Shown} run=${found} />`}<//>
  `;
}

/** @param {{ run: Whole }} props */
function Shown({ run }) {
  const words = strings.console.evaluation;
  const { started_at: started, finished_at: finished } = run;
  return html`
    <section class="card stack" aria-label=${words.run}>
      <p class="row tight" role="status"><${RunState} state=${run.state} /> ${run.reason}</p>
      ${run.state === "running" && html`<progress max="100" value=${run.percent} aria-label=${words.progress}></progress>`}
      <${Facts}
        of=${[
          [
            words.version,
            run.version && html`<a class="version" href=${link(["console", "versions", run.version])}>${run.version}</a>`,
          ],
          [words.count, count(run.questions)],
          [words.asked, when(run.created_at)],
          [strings.console.cycles.columns.took, started !== null && finished !== null && duration(finished - started)],
          [words.golden.sha256, html`<span class="version" title=${run.golden_sha256}>${run.golden_sha256.slice(0, 12)}</span>`],
        ]}
      />
    </section>
    ${run.figures.length > 0 && html`<${Section} title=${words.figures}><${FiguresTable} of=${run.figures} /><//>`}
    ${run.state === "completed" &&
    html`<${Section} title=${words.failing(run.failing.length)}>
      ${run.failing.length === 0 && html`<p class="nothing faint">${words.allRight}</p>`}
      <ol class="bare stack">
        ${run.failing.map((one) => html`<${One} failing=${one} />`)}
      </ol>
    <//>`}
  `;
}

/** @param {{ failing: Failing }} props */
function One({ failing }) {
  const words = strings.console.evaluation;
  return html`
    <li class="change stack">
      <p class="asked">${failing.question}</p>
      <p>${failing.why}</p>
      <div class="sides">
        <div class="change-side">
          <p class="small faint">${words.expected}</p>
          <p>${failing.expected}</p>
        </div>
        <div class="change-side">
          <p class="small faint">${words.given}</p>
          <p class="said-text">${failing.text || words.nothing}</p>
          ${failing.citations.map((one) => html`<p class="small faint">[${one.number}] ${one.title}: <q>${one.content}</q></p>`)}
        </div>
      </div>
    </li>
  `;
}
