/** The versions of one scope after the other: whom they serve is chosen at the top. */
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { api } from "../../lib/api.js";
import { link, query } from "../../lib/router.js";
import { html, names } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Section } from "../cycles/one.js";
import { useLive } from "../live.js";
import { scopeName } from "../scopes.js";
import { RollBack } from "./actions.js";
import { Figures } from "./figures.js";
import { Lineage } from "./lineage.js";
import { Moves } from "./moves.js";
import { Ended, Running } from "./trial.js";
import { Why } from "./why.js";

const EVERY_MS = 5000;

/** @typedef {{ versions: { data: import("./known.js").Version[], scopes: import("./known.js").Scope[] }, trials: import("./known.js").Trials }} Known */

/** @returns {Promise<Known>} */
async function known() {
  const [versions, trials] = await Promise.all([api.get("/v1/versions"), api.get("/v1/trials")]);
  return { versions, trials };
}

export function Scopes() {
  const load = useLoad(known, []);
  useLive(load, EVERY_MS);
  return html`
    <${Heading} title=${strings.console.screens.versions} />
    <${Loaded} of=${load}>
      ${(/** @type {Known} */ found) => html`<${Chosen} found=${found} onMoved=${load.reload} />`}
    <//>
  `;
}

/** @param {{ found: Known, onMoved: () => void }} props */
function Chosen({ found, onMoved }) {
  const words = strings.console.versions;
  const { data, scopes } = found.versions;
  const asked = query.value.get("scope");
  const scope = scopes.find((one) => one.scope === asked) ?? scopes[0];
  if (!scope) return html`<p class="nothing faint">${words.none}</p>`;
  const here = data.filter((one) => one.scope === scope.scope || one.id === scope.champion);
  const trial = found.trials.data.find((one) => one.scope === scope.scope);
  const ended = found.trials.ended.filter((one) => one.scope === scope.scope);
  return html`
    ${scopes.length > 1 &&
    html`<nav class="tabs" aria-label=${words.scopes}>
      ${scopes.map(
        (one) => html`<a
          class=${names("tab", one === scope && "here")}
          aria-current=${one === scope ? "page" : null}
          href=${link(["console", "versions"], { scope: one.scope })}
        >
          ${scopeName(one.scope)}
        </a>`,
      )}
    </nav>`}
    <${Section} title=${words.why.title}>
      <${Why} scope=${scope} versions=${data} trials=${found.trials} />
      <${RollBack} scope=${scope} onMoved=${onMoved} />
    <//>
    ${scope.candidate &&
    html`<${Section} title=${words.trial.title}>
      <${Running} scope=${scope} trial=${trial} versions=${data} onMoved=${onMoved} />
    <//>`}
    <${Section} title=${words.lineage.title}><${Lineage} versions=${here} scope=${scope} /><//>
    <${Figures} versions=${here} />
    <${Section} title=${words.moves.title}><${Moves} moves=${scope.moves} /><//>
    ${ended.length > 0 && html`<${Section} title=${words.trial.ended}><${Ended} ended=${ended} /><//>`}
  `;
}
