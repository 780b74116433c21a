/** One version: what it is, how it was judged, what it was made of, and every move that concerned it. */
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { api } from "../../lib/api.js";
import { count, percent, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Data } from "../cycles/data.js";
import { Section } from "../cycles/one.js";
import { Verdict } from "../cycles/verdict.js";
import { Facts } from "../facts.js";
import { scopeName } from "../scopes.js";
import { EndTrial, Promote, RollBack, Try } from "./actions.js";
import { Badges } from "./badges.js";
import { CardDetails } from "./card.js";
import { cycleOf } from "./known.js";
import { Moves } from "./moves.js";

/**
 * @typedef {object} Known
 * @property {import("./known.js").Whole} whole
 * @property {import("./known.js").Scope | undefined} scope
 * @property {import("./known.js").Trial | undefined} trial
 */

/** @param {string} id @returns {Promise<Known>} */
async function known(id) {
  const whole = await api.get(`/v1/versions/${encodeURIComponent(id)}`);
  const [list, trials] = await Promise.all([
    api.get(`/v1/versions?${new URLSearchParams({ scope: whole.scope })}`),
    api.get("/v1/trials"),
  ]);
  const trial = trials.data.find((/** @type {import("./known.js").Trial} */ one) => one.candidate === id);
  return { whole, scope: list.scopes[0], trial };
}

/** @param {{ id: string }} props */
export function One({ id }) {
  const load = useLoad(() => known(id), [id]);
  return html`
    <${Heading} title=${id} up=${[[strings.console.screens.versions, link(["console", "versions"])]]} />
    <${Loaded} of=${load}>
      ${(/** @type {Known} */ found) => html`<${Shown} ...${found} onMoved=${load.reload} />`}
    <//>
  `;
}

/** @param {Known & { onMoved: () => void }} props */
function Shown({ whole, scope, trial, onMoved }) {
  const words = strings.console.versions;
  const { card } = whole;
  return html`
    <section class="card stack" aria-label=${words.about}>
      <p class="row tight"><${Badges} version=${whole} /></p>
      ${whole.summary && html`<p class="lead">${whole.summary}</p>`}
      ${whole.problem && html`<p class="note bad">${whole.problem}</p>`}
      ${whole.marks.map(
        (mark) => html`<p class="note warn">${words.marked(when(mark.at), mark.who)} ${mark.reason}</p>`,
      )}
      <${About} whole=${whole} />
      <div class="row">
        <a class="button" href=${link([], { model: `groundloop@${whole.id}` })}>${words.pin}</a>
        <a class="button" href=${link(["console", "feedback"], { version: whole.id })}>${words.said}</a>
        <a class="button" href=${link(["console", "evaluation"], { version: whole.id })}>${words.evaluate}</a>
        ${scope &&
        html`<${Promote} version=${whole} scope=${scope} trial=${trial} onMoved=${onMoved} />
          <${Try} version=${whole} scope=${scope} onMoved=${onMoved} />
          <${EndTrial} version=${whole} scope=${scope} onMoved=${onMoved} />`}
      </div>
      ${scope && whole.id === scope.champion && whole.scope === scope.scope && html`<${RollBack} scope=${scope} onMoved=${onMoved} />`}
    </section>
    <${Section} title=${strings.console.cycles.sections.verdict}>
      ${card.verdict ? html`<${Verdict} verdict=${card.verdict} />` : html`<p class="faint">${words.unjudged}</p>`}
    <//>
    <${Section} title=${words.moves.title}><${Moves} moves=${[...whole.moves].reverse()} /><//>
    ${typeof card.data?.used === "number" &&
    html`<${Section} title=${strings.console.cycles.sections.data}><${Data} card=${card.data} /><//>`}
    <${CardDetails} whole=${whole} />
  `;
}

/** @param {{ whole: import("./known.js").Whole }} props */
function About({ whole }) {
  const words = strings.console.versions;
  const cycle = cycleOf(whole.card);
  const { live } = whole;
  return html`
    <${Facts}
      of=${[
        [words.scope, scopeName(whole.scope)],
        [words.method, whole.method],
        [words.base, whole.base],
        [
          words.parents,
          whole.parents.length > 0 &&
            whole.parents.map(
              (one) => html`<a class="version" href=${link(["console", "versions", one])}>${one}</a> `,
            ),
        ],
        [words.made, whole.created_at > 0 && when(whole.created_at)],
        [words.cycle, cycle && html`<a class="version" href=${link(["console", "cycles", cycle])}>${cycle}</a>`],
        [words.share, percent(whole.share)],
        [words.loaded, whole.loaded ? words.yes : words.no],
        ...Object.entries(live).map(
          ([name, value]) => /** @type {[string, string]} */ ([words.live[name] ?? name.replaceAll("_", " "), count(value)]),
        ),
      ]}
    />
  `;
}
