/** Which version serves, whether one is on trial, and what the next cycle waits for. */
import { Badge } from "../../kit/badge.js";
import { ago } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Floors } from "../floors.js";
import { scopeName } from "../scopes.js";

/** @param {{ of: import("../overview.js").Overview }} props */
export function Learning({ of }) {
  const words = strings.console.overview.learning;
  return html`
    <h2><a href=${link(["console", "versions"])}>${words.title}</a></h2>
    <ul class="serving">
      ${of.versions.map(
        (row) => html`<li key=${row.scope}>
          <span class="faint">${scopeName(row.scope)}</span>
          <span>${row.champion ? html`<${Version} id=${row.champion} />` : words.none}</span>
          ${row.candidate &&
          html`<span>${words.onTrial} <${Version} id=${row.candidate} /> <${Badge} kind="info">${words.trial}<//></span>`}
        </li>`,
      )}
    </ul>
    ${of.trials ? html`<p><a href=${link(["console", "versions"])}>${words.trials(of.trials)}</a></p>` : null}
    <h3><a href=${link(["console", "cycles"])}>${words.next}</a></h3>
    ${of.next.length === 0 && html`<p class="faint">${words.nothing}</p>`}
    <ul class="serving">
      ${of.next.map((one) => html`<${Next} key=${one.scope} of=${one} many=${of.next.length > 1} />`)}
    </ul>
  `;
}

/** @param {{ id: string }} props */
const Version = ({ id }) => html`<a class="version" href=${link(["console", "versions", id])}>${id}</a>`;

/** @param {{ of: import("../overview.js").Waiting, many: boolean }} props */
function Next({ of, many }) {
  const words = strings.console.overview.learning;
  return html`
    <li>
      ${many && html`<span class="faint">${scopeName(of.scope)}</span>`}
      <span class="reason">${of.due ? strings.console.floors.due : of.reason}</span>
      ${!of.due && html`<${Floors} of=${of} />`}
      ${!of.due && of.not_before && of.not_before * 1000 > Date.now()
        ? html`<span class="faint">${words.notBefore(ago(of.not_before))}</span>`
        : null}
    </li>
  `;
}
