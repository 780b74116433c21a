/**
 * How versions came from one another: a drawing of parents and children beside the list that says the same. Every dot is
 * a link, as is every name; a screen reader has the list.
 */
import { ago, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Badges } from "./badges.js";

const ROW = 56;
const LANE = 26;
const MARGIN = 16;
const MOST_LANES = 5;
const AT_FIRST = 25;

/** @typedef {import("./known.js").Version} Version */
/** @typedef {{ version: Version, lane: number, row: number }} Place */

/** @param {{ versions: Version[], scope: import("./known.js").Scope }} props */
export function Lineage({ versions, scope }) {
  const words = strings.console.versions.lineage;
  const [most, setMost] = useState(AT_FIRST);
  const newest = [...versions].sort((a, b) => b.created_at - a.created_at || b.number - a.number);
  const shown = newest.filter((one, at) => at < most || one.aliases.length > 0);
  const places = placed(shown);
  const width = 2 * MARGIN + LANE * Math.max(0, ...[...places.values()].map((one) => one.lane));
  return html`
    <p class="faint small">${words.intro}</p>
    <div class="family" style=${{ "--lanes": `${width}px` }}>
      <svg width=${width} height=${shown.length * ROW} viewBox=${`0 0 ${width} ${shown.length * ROW}`} aria-hidden="true">
        ${[...places.values()].flatMap((child) =>
          child.version.parents.map((parent) => {
            const from = places.get(parent);
            return from && html`<path class="edge" d=${edge(from, child)} />`;
          }),
        )}
        ${[...places.values()].map(
          (one) => html`<a href=${link(["console", "versions", one.version.id])} tabindex="-1">
            <circle class=${`dot ${kind(one.version)}`} cx=${x(one)} cy=${y(one)} r=${one.version.id === scope.champion ? 9 : 7}>
              <title>${one.version.id}</title>
            </circle>
          </a>`,
        )}
      </svg>
      <ol>
        ${shown.map(
          (version) => html`<li key=${version.id}>
            <p class="row tight">
              <a class="version" href=${link(["console", "versions", version.id])}>${version.id}</a>
              <${Badges} version=${version} />
            </p>
            <p class="small faint">
              ${version.parents.length > 0 ? `${words.from} ${version.parents.join(", ")}` : words.root}
              ${version.created_at > 0 && html` · <time title=${when(version.created_at)}>${ago(version.created_at)}</time>`}
            </p>
          </li>`,
        )}
      </ol>
    </div>
    ${newest.length > shown.length &&
    html`<p><button class="button" onClick=${() => setMost(most + 50)}>${words.older(newest.length - shown.length)}</button></p>`}
  `;
}

/**
 * Rows by age, lanes by how far from the start: a version stands one lane to the right of its parents.
 *
 * @param {Version[]} shown The newest first.
 * @returns {Map<string, Place>}
 */
function placed(shown) {
  /** @type {Map<string, Place>} */
  const places = new Map();
  // The oldest first, so that parents have their place before their children.
  for (let row = shown.length - 1; row >= 0; row -= 1) {
    const version = shown[row];
    const lanes = version.parents.map((parent) => places.get(parent)?.lane ?? 0);
    const lane = version.parents.length > 0 ? Math.min(MOST_LANES, Math.max(0, ...lanes) + 1) : 0;
    places.set(version.id, { version, lane, row });
  }
  return places;
}

/** @param {Place} place @returns {number} */
const x = ({ lane }) => MARGIN + lane * LANE;

/** @param {Place} place @returns {number} */
const y = ({ row }) => row * ROW + ROW / 2;

/** @param {Place} parent @param {Place} child @returns {string} Up its parent's lane, then across. */
function edge(parent, child) {
  const turn = y(child) + ROW / 2;
  if (x(parent) === x(child)) return `M ${x(parent)} ${y(parent)} L ${x(child)} ${y(child)}`;
  return `M ${x(parent)} ${y(parent)} L ${x(parent)} ${turn} Q ${x(parent)} ${y(child)} ${x(child)} ${y(child)}`;
}

/** @param {Version} version @returns {string} */
function kind(version) {
  if (version.aliases.includes("champion")) return "champion";
  if (version.aliases.includes("candidate")) return "candidate";
  if (version.state !== "ok") return "ill";
  return version.verdict?.tier === "refused" ? "refused" : "";
}
