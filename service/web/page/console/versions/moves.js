/** Every move of what serves: what, when, by whom, and why. */
import { Badge } from "../../kit/badge.js";
import { ago, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { WATCH } from "./known.js";

/** @param {{ moves: import("./known.js").Move[] }} props The newest first. */
export function Moves({ moves }) {
  const words = strings.console.versions.moves;
  if (moves.length === 0) return html`<p class="faint">${words.none}</p>`;
  return html`
    <ol class="story">
      ${moves.map(
        (move) => html`<li key=${move.sequence}>
          <p>
            <strong>${happened(move)}</strong>
            ${move.forced && html` <${Badge} kind="warn">${words.forced}<//>`}
          </p>
          <p class="small faint">
            <time title=${when(move.at)}>${ago(move.at)}</time> · ${who(move.who)} · ${words.number(move.sequence)}
          </p>
          ${move.why && html`<p class="small">${move.why}</p>`}
        </li>`,
      )}
    </ol>
  `;
}

/** @param {string} name @returns {string} Who made a move, in words. */
export const who = (name) =>
  name === WATCH ? strings.console.versions.moves.watch : name || strings.console.versions.moves.nobody;

/** @param {import("./known.js").Move} move @returns {import("../../lib/ui.js").Children} */
function happened(move) {
  const words = strings.console.versions.moves;
  const [before, after] = [named(move.before), named(move.after)];
  if (move.alias === "candidate") {
    return move.after === null ? html`${before} ${words.trialEnded}` : html`${after} ${words.trialBegan}`;
  }
  if (move.kind === "rollback") return html`${words.rolledBack} ${before}: ${after} ${words.servesAgain}`;
  return html`${after} ${words.serves}${move.before && html`, ${words.insteadOf} ${before}`}`;
}

/** @param {string | null} id @returns {import("../../lib/ui.js").Children} */
const named = (id) => id && html`<a class="version" href=${link(["console", "versions", id])}>${id}</a>`;
