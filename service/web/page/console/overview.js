/** How everything is: the parts, what waits, what serves and learns, and what people say. */
import { Badge } from "../kit/badge.js";
import { Heading } from "../kit/crumbs.js";
import { Loaded, useLoad } from "../kit/load.js";
import { api } from "../lib/api.js";
import { html } from "../lib/ui.js";
import { strings } from "./strings.js";
import { Collections } from "./overview/collections.js";
import { Days } from "./overview/days.js";
import { Learning } from "./overview/learning.js";
import { Parts } from "./overview/parts.js";

const EVERY_MS = 10_000;

/**
 * @typedef {object} Overview As `GET /v1/overview` gives it.
 * @property {{ name: string, state: string, detail: string }[]} parts
 * @property {{ name: string, waiting: number | null }[]} queues
 * @property {number | null} workers
 * @property {{ id: string, name: string, documents: number, failed: number, chunks: number | null, generation: number | null, pending: number }[]} collections
 * @property {boolean} collections_more Whether there are others.
 * @property {{ scope: string, champion: string | null, candidate: string | null }[]} versions
 * @property {Day[]} days The oldest first.
 * @property {Waiting[]} next
 * @property {number | null} trials
 *
 * @typedef {{ day: string, answers: number, up: number, down: number, preferences: number }} Day
 * @typedef {{ scope: string, due: boolean, reason: string, judgements: number, judgements_needed: number, new: number, new_needed: number, voters: number, voters_needed: number, not_before: number | null }} Waiting
 */

export function Screen() {
  const overview = useLoad(() => /** @type {Promise<Overview>} */ (api.get("/v1/overview")), [], { everyMs: EVERY_MS });
  const words = strings.console.overview;
  return html`
    <${Heading} title=${strings.console.screens.overview}>
      ${overview.data && html`<${Verdict} parts=${overview.data.parts} />`}
    <//>
    <${Loaded} of=${overview}>
      ${(/** @type {Overview} */ data) => html`
        <div class="tiles">
          <section class="card tile" aria-label=${words.parts.title}><${Parts} of=${data} /></section>
          <section class="card tile" aria-label=${words.learning.title}><${Learning} of=${data} /></section>
          <section class="card tile wide" aria-label=${words.days.title}><${Days} days=${data.days} /></section>
          <section class="card tile wide" aria-label=${words.collections.title}>
            <${Collections} of=${data.collections} more=${data.collections_more} />
          </section>
        </div>
      `}
    <//>
  `;
}

/** @param {{ parts: Overview["parts"] }} props All of it in one word. */
function Verdict({ parts }) {
  const words = strings.console.overview.parts;
  const ill = parts.filter((part) => part.state !== "ready");
  const bad = ill.some((part) => part.state !== "degraded" && part.state !== "loading");
  return html`<span role="status">
    <${Badge} kind=${ill.length === 0 ? "good" : bad ? "bad" : "warn"}>${words.verdict(ill.length)}<//>
  </span>`;
}
