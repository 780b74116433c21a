/** My votes: what was judged in this browser, and what became of each. */
import { Badge } from "../kit/badge.js";
import { Loaded, useLoad } from "../kit/load.js";
import { toast } from "../kit/toast.js";
import { ApiError } from "../lib/api.js";
import { ago, when } from "../lib/format.js";
import { visible } from "../lib/hidden.js";
import { link } from "../lib/router.js";
import { html, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { Lineage, story } from "./lineage.js";
import { retract } from "./pair-say.js";
import { forget, judged } from "./votes-kept.js";
import { withdraw } from "./votes-say.js";
import { told } from "./votes-told.js";

/** @typedef {import("./votes-kept.js").Kept} Kept */
/** @typedef {import("./lineage.js").Story} Story */

const PAGE = 20;
/** How many are asked for at the same time, so that a long list does not crowd out a question. */
const AT_ONCE = 3;
let running = 0;
/** @type {(() => void)[]} */
const waiting = [];

/**
 * @template T
 * @param {() => Promise<T>} get
 * @returns {Promise<T>} When it was its turn.
 */
async function inTurn(get) {
  if (running >= AT_ONCE) await new Promise((resolve) => waiting.push(() => resolve(null)));
  else running += 1;
  try {
    return await get();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

export function Votes() {
  const words = strings.votes.list;
  const [shown, setShown] = useState(PAGE);
  const all = judged();
  return html`
    <main id="content" class="votes" tabindex="-1">
      <header>
        <h1>${words.title}</h1>
        <a href=${link([])}>${words.back}</a>
      </header>
      <p class="faint">${all.length ? words.intro : words.none}</p>
      <ul class="votes-list">
        ${all.slice(0, shown).map((one) => html`<${Row} key=${`${one.about} ${one.id}`} entry=${one} />`)}
      </ul>
      ${all.length > shown &&
      html`<button class="button" onClick=${() => setShown(shown + PAGE)}>${strings.more}</button>`}
    </main>
  `;
}

/** @param {{ entry: Kept }} props */
function Row({ entry }) {
  const words = strings.votes.list;
  const found = useLoad(() => inTurn(() => known(entry)), [entry.id, entry.at]);
  const stands = found.data && (entry.kind === "vote" ? found.data.vote : found.data.preference);
  return html`
    <li class="card votes-row">
      <p><strong>${visible(entry.question)}</strong></p>
      <p class="faint">
        ${words[entry.kind]}, <time title=${when(entry.at)} datetime=${new Date(entry.at * 1000).toISOString()}>${ago(entry.at)}</time>
      </p>
      <${Loaded} of=${found}>
        ${(/** @type {Story | null} */ told) =>
          told === null
            ? html`<p>${words.unknown}</p>`
            : html`
                <p class="row votes-said">${stands ? html`<${Said} kind=${entry.kind} stands=${stands} />` : html`<${Badge}>${words.withdrawn}<//>`}</p>
                <p class="lineage-summary">${told.summary}</p>
                <details>
                  <summary>${strings.votes.lineage.story}</summary>
                  <${Lineage} kind=${entry.kind} steps=${told.lineage} />
                </details>
              `}
      <//>
      <div class="row">
        <a class="button small" href=${link(["c", entry.conversation, entry.turn])}>${words.thread}</a>
        <button class="button small" aria-busy=${found.loading} onClick=${found.reload}>${strings.votes.lineage.reload}</button>
        ${stands && html`<${TakeBack} entry=${entry} then=${found.reload} />`}
        ${found.data === null && html`<button class="button small" onClick=${() => forget(entry)}>${words.forget}</button>`}
      </div>
    </li>
  `;
}

/** @param {Kept} entry @returns {Promise<Story | null>} Null where the service knows nothing of it. */
async function known(entry) {
  try {
    return await story(entry.kind, entry.id);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** @param {{ entry: Kept, then: () => void }} props */
function TakeBack({ entry, then }) {
  const words = strings.votes;
  const [busy, setBusy] = useState(false);
  const vote = entry.kind === "vote";
  async function takeBack() {
    setBusy(true);
    try {
      await (vote ? withdraw(entry) : retract(entry));
      toast(vote ? words.withdrawn : words.pair.takenBack);
      then();
    } catch (error) {
      toast(told(error), "wrong");
    }
    setBusy(false);
  }
  return html`<button class="button danger small" disabled=${busy} onClick=${takeBack}>${vote ? words.withdraw : words.pair.takeBack}</button>`;
}

/** @param {{ kind: import("./lineage.js").Kind, stands: any }} props What was said, in a line. */
function Said({ kind, stands }) {
  const words = strings.votes;
  if (kind === "preference") {
    const outcomes = /** @type {Record<string, string>} */ (words.pair.outcomes);
    return html`<${Badge} kind="info">${outcomes[stands.outcome] ?? stands.outcome}<//> ${stands.comment && html`<q>${visible(stands.comment)}</q>`}`;
  }
  const reasons = /** @type {Record<string, string>} */ (words.reasons);
  const rating = /** @type {"up" | "down" | null} */ (stands.rating);
  return html`
    <${Badge} kind=${rating === "up" ? "good" : rating === "down" ? "bad" : "plain"}>${words.list.ratings[rating ?? "none"]}<//>
    ${stands.reasons.map((/** @type {string} */ one) => html`<${Badge}>${reasons[one] ?? one}<//>`)}
    ${stands.correction && html`<${Badge}>${words.correction}<//>`}
    ${stands.evidence.length > 0 && html`<${Badge}>${words.list.marked}<//>`}
    ${stands.comment && html`<q>${visible(stands.comment)}</q>`}
  `;
}
