/** What became of a judgement: the sentence, and its story step by step. */
import { Dialog } from "../kit/dialog.js";
import { Loaded, useLoad } from "../kit/load.js";
import { api } from "../lib/api.js";
import { when } from "../lib/format.js";
import { link } from "../lib/router.js";
import { may } from "../lib/session.js";
import { html, names } from "../lib/ui.js";
import { strings } from "../strings.js";
import { votePath } from "./votes-say.js";

/** @typedef {"vote" | "preference"} Kind */

/**
 * @typedef {object} Step
 * @property {number} at Seconds since the epoch.
 * @property {string} what
 * @property {string | null} cycle
 * @property {string | null} version
 * @property {string | null} reason
 */

/**
 * @typedef {object} Story
 * @property {any} [vote] As it stands; null where it was withdrawn.
 * @property {any} [preference]
 * @property {Step[]} lineage Oldest first.
 * @property {string} summary
 */

/** @param {Kind} kind @param {string} id @returns {Promise<Story>} */
export const story = (kind, id) => api.get(kind === "vote" ? votePath(id) : preferencePath(id));

/** @param {string} id */
export const preferencePath = (id) => `/v1/preferences/${encodeURIComponent(id)}`;

/** How each step looks: what was done by the person, what is still open, and how it ended. */
const LOOK = /** @type {Record<string, string>} */ ({
  waiting: "open",
  underway: "open",
  on_trial: "open",
  counted: "good",
  promoted: "good",
  left_out: "out",
  refused: "out",
  rolled_back: "out",
  failed: "out",
});

/** @param {{ kind: Kind, id: string, onClose: () => void }} props The dialog. */
export function Became({ kind, id, onClose }) {
  const words = strings.votes.lineage;
  const loaded = useLoad(() => story(kind, id), [kind, id]);
  return html`
    <${Dialog} title=${words.title} onClose=${onClose}>
      <div class="stack" aria-busy=${loaded.loading}>
        <${Loaded} of=${loaded}>
          ${(/** @type {Story} */ told) => html`
            <p class="lineage-summary">${told.summary}</p>
            <${Lineage} kind=${kind} steps=${told.lineage} />
          `}
        <//>
        <div><button class="button" onClick=${loaded.reload}>${words.reload}</button></div>
      </div>
    <//>
  `;
}

/** @param {{ kind: Kind, steps: Step[] }} props */
export function Lineage({ kind, steps }) {
  const words = strings.votes.lineage;
  if (!steps.length) return html`<p class="faint">${words.none}</p>`;
  return html`
    <h3>${words.story}</h3>
    <ol class="lineage">
      ${steps.map(
        (step) => html`
          <li class=${names("lineage-step", LOOK[step.what])}>
            <p>${happened(kind, step.what)}</p>
            ${step.reason && html`<p class="faint">${reason(step.reason)}</p>`}
            <p class="faint lineage-where">
              <time datetime=${new Date(step.at * 1000).toISOString()}>${when(step.at)}</time>
              ${step.version && html`<${Named} place="versions" id=${step.version} name=${step.version} />`}
              ${step.cycle && html`<${Named} place="cycles" id=${step.cycle} name=${words.cycle(step.cycle)} />`}
            </p>
          </li>
        `,
      )}
    </ol>
  `;
}

/** @param {{ place: string, id: string, name: string }} props A version or a cycle, for operators with a way there. */
function Named({ place, id, name }) {
  return may("operator") ? html`<a href=${link(["console", place, id])}>${name}</a>` : html`<span>${name}</span>`;
}

/** @param {Kind} kind @param {string} what @returns {string} */
function happened(kind, what) {
  const words = strings.votes.lineage.what;
  const own = /** @type {Record<string, string>} */ (words[kind]);
  const shared = /** @type {Record<string, any>} */ (words);
  return own[what] ?? shared[what] ?? what;
}

/** @param {string} given @returns {string} As a sentence, to the person whose judgement it is. */
function reason(given) {
  const { reasons, waits } = strings.votes.lineage;
  const known = /** @type {Record<string, string>} */ (reasons)[given];
  if (known) return known;
  const [before, after] = Object.entries(waits).find(([start]) => given.startsWith(start)) ?? ["", ""];
  const text = after + given.slice(before.length);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
