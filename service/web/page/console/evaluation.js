/** How good each version is on questions whose answers are known: the golden set, runs over it, and what failed. */
import { Heading } from "../kit/crumbs.js";
import { useLoad } from "../kit/load.js";
import { api } from "../lib/api.js";
import { html } from "../lib/ui.js";
import { strings } from "./strings.js";
import { Golden } from "./evaluation/golden.js";
import { Run } from "./evaluation/run.js";
import { Runs } from "./evaluation/runs.js";

/** @param {{ rest: string[] }} props */
export function Screen({ rest: [id] }) {
  return id ? html`<${Run} key=${id} id=${id} />` : html`<${Whole} />`;
}

function Whole() {
  const golden = useLoad(() => /** @type {Promise<import("./evaluation/golden.js").GoldenSet>} */ (api.get("/v1/evaluation/golden")), []);
  return html`
    <${Heading} title=${strings.console.screens.evaluation} />
    <${Golden} load=${golden} />
    <${Runs} golden=${golden.data} onOver=${golden.reload} />
  `;
}
