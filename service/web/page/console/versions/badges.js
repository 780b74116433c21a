/** What a version is at the moment, in words with a colour. */
import { Badge } from "../../kit/badge.js";
import { percent } from "../../lib/format.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

const TIERS = /** @type {const} */ ({ proven: "good", trial: "info", refused: "bad" });
const STATES = /** @type {const} */ ({ ok: "good", marked: "warn", failing: "bad", damaged: "bad" });

/** @param {{ version: import("./known.js").Version }} props */
export function Badges({ version }) {
  const words = strings.console.versions;
  const { verdict } = version;
  return html`
    ${version.aliases.includes("champion") && html`<${Badge} kind="good">${words.serves}<//>`}
    ${version.aliases.includes("candidate") && html`<${Badge} kind="info">${words.onTrial}<//>`}
    ${version.share > 0 && version.share < 1 && html`<${Badge}>${words.shareOf(percent(version.share))}<//>`}
    ${verdict &&
    !version.aliases.length &&
    html`<${Badge} kind=${TIERS[verdict.tier]}>${strings.console.cycles.verdict.tiers[verdict.tier]}<//>`}
    ${version.state !== "ok" && html`<${Badge} kind=${STATES[version.state]}>${words.states[version.state]}<//>`}
  `;
}
