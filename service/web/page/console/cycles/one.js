/** One cycle: why it ran, what it did step by step, what the gate said of its version, and what became of that. */
import { Heading } from "../../kit/crumbs.js";
import { confirm } from "../../kit/dialog.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { toast } from "../../kit/toast.js";
import { api } from "../../lib/api.js";
import { duration, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { said } from "../../lib/said.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Facts } from "../facts.js";
import { useLive } from "../live.js";
import { scopeName } from "../scopes.js";
import { Changes } from "./changes.js";
import { Curves } from "./curves.js";
import { Data } from "./data.js";
import { Evidence } from "./evidence.js";
import { CycleState, unfinished } from "./state.js";
import { Steps } from "./steps.js";
import { Verdict } from "./verdict.js";

const EVERY_MS = 2000;

/** @typedef {import("./state.js").Cycle & { data: import("./data.js").DataCard | null, log: string[] }} Whole */

/** @param {{ id: string }} props */
export function One({ id }) {
  const words = strings.console.cycles;
  const path = `/v1/training/cycles/${encodeURIComponent(id)}`;
  const cycle = useLoad(() => /** @type {Promise<Whole>} */ (api.get(path)), [path]);
  const going = cycle.data !== undefined && unfinished(cycle.data);
  useLive(cycle, going ? EVERY_MS : 0);
  const cancel = async () => {
    if (!(await confirm({ title: words.cancel, text: words.cancelText, action: words.cancel, danger: true }))) return;
    try {
      await api.post(`${path}/cancel`);
      toast(words.cancelled);
      cycle.reload();
    } catch (error) {
      toast(said(error), "wrong");
    }
  };
  return html`
    <${Heading} title=${id} up=${[[strings.console.screens.cycles, link(["console", "cycles"])]]}>
      ${going && html`<button class="button danger" onClick=${cancel}>${words.cancel}</button>`}
    <//>
    <${Loaded} of=${cycle}>
      ${(/** @type {Whole} */ found) => html`
        <${About} cycle=${found} />
        <${Section} title=${words.sections.steps}><${Steps} cycle=${found} /><//>
        <${Curves} path=${path} going=${going} />
        ${found.verdict && html`<${Section} title=${words.sections.verdict}><${Verdict} verdict=${found.verdict} /><//>`}
        ${found.evidence &&
        html`<${Section} title=${words.sections.evidence}><${Evidence} evidence=${found.evidence} /><//>`}
        ${found.version && html`<${Changes} path=${path} />`}
        ${found.data && html`<${Section} title=${words.sections.data}><${Data} card=${found.data} /><//>`}
        <${Section} title=${words.sections.log}>
          ${found.log.length
            ? html`<pre class="cycle-log" tabindex="0" aria-label=${words.sections.log}>${found.log.join("\n")}</pre>
                <p><a href=${`${path}/log?lines=5000`} target="_blank" rel="noreferrer">${words.wholeLog}</a></p>`
            : html`<p class="faint">${words.noLog}</p>`}
        <//>
      `}
    <//>
  `;
}

/** @param {{ title: string, children?: import("../../lib/ui.js").Children }} props */
export const Section = ({ title, children }) => html`
  <section class="card stack" aria-label=${title}>
    <h2>${title}</h2>
    ${children}
  </section>
`;

/** @param {{ cycle: Whole }} props */
function About({ cycle }) {
  const words = strings.console.cycles;
  const { started_at: started, finished_at: finished } = cycle;
  return html`
    <section class="card stack" aria-label=${words.about}>
      <div class="row">
        <span role="status"><${CycleState} state=${cycle.state} /></span>
        <span>${words.triggers[cycle.trigger]}</span>
      </div>
      ${cycle.reason && html`<p class="lead sentence">${cycle.reason}</p>`}
      <${Facts}
        of=${[
          [words.columns.scope, scopeName(cycle.scope)],
          [
            words.columns.version,
            cycle.version &&
              html`<a class="version" href=${link(["console", "versions", cycle.version])}>${cycle.version}</a>`,
          ],
          [words.created, when(cycle.created_at)],
          [words.columns.took, started !== null && finished !== null && duration(finished - started)],
          [words.settled, when(cycle.settled_at)],
          [words.attempts, cycle.attempts > 1 && String(cycle.attempts)],
        ]}
      />
    </section>
  `;
}
