/** The test that runs: a candidate beside the champion, what votes have shown so far, and what is still missing. */
import { Badge } from "../../kit/badge.js";
import { ago, percent, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Evidence } from "../cycles/evidence.js";
import { EndTrial, Promote } from "./actions.js";
import { who } from "./moves.js";

/**
 * @param {object} props
 * @param {import("./known.js").Scope} props.scope With a candidate.
 * @param {import("./known.js").Trial | undefined} props.trial Undefined before the watch has looked.
 * @param {import("./known.js").Version[]} props.versions
 * @param {() => void} props.onMoved
 */
export function Running({ scope, trial, versions, onMoved }) {
  const words = strings.console.versions.trial;
  const candidate = versions.find((one) => one.id === scope.candidate);
  const known = trial?.candidate === scope.candidate ? trial : undefined;
  return html`
    <p class="lead">
      <a class="version" href=${link(["console", "versions", scope.candidate ?? ""])}>${scope.candidate}</a>
      ${" "}${words.beside}${" "}
      <a class="version" href=${link(["console", "versions", scope.champion])}>${scope.champion}</a>
    </p>
    ${candidate &&
    html`<div>
      <p class="small">${words.share(percent(candidate.share))}</p>
      <meter min="0" max="1" value=${candidate.share} aria-label=${words.share(percent(candidate.share))}></meter>
    </div>`}
    ${known
      ? html`<p class="small faint">
            ${words.began(ago(known.began_at))}${known.news_at !== null && ` ${words.news(ago(known.news_at))}`}
          </p>
          <${Evidence} evidence=${known.decision} />`
      : html`<p class="note">${words.notSeen}</p>`}
    ${candidate &&
    html`<div class="row">
      <${Promote} version=${candidate} scope=${scope} trial=${known} onMoved=${onMoved} />
      <${EndTrial} version=${candidate} scope=${scope} onMoved=${onMoved} />
    </div>`}
  `;
}

/** @param {{ ended: import("./known.js").Trials["ended"] }} props */
export function Ended({ ended }) {
  const words = strings.console.versions.trial;
  return html`
    <ol class="story">
      ${ended.map(
        (one) => html`<li key=${`${one.version} ${one.at}`}>
          <p class="row tight">
            <a class="version" href=${link(["console", "versions", one.version])}>${one.version}</a>
            <${Badge} kind=${one.became === "promoted" ? "good" : "warn"}>${words.became[one.became]}<//>
            <span class="small faint">
              ${one.at !== null && html`<time title=${when(one.at)}>${ago(one.at)}</time> · `}${who(one.by)}
            </span>
          </p>
          <p class="small">${one.reason}</p>
          ${one.decision.evidence &&
          html`<details>
            <summary>${words.evidence}</summary>
            <div class="stack"><${Evidence} evidence=${one.decision} /></div>
          </details>`}
        </li>`,
      )}
    </ol>
  `;
}
