/** The people who judge: how much, how far they are trusted, and whether they are kept out of training. */
import { Badge } from "../../kit/badge.js";
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { usePages } from "../../kit/pages.js";
import { Table } from "../../kit/table.js";
import { api, withQuery } from "../../lib/api.js";
import { ago, count, percent, when } from "../../lib/format.js";
import { go, link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Facts } from "../facts.js";
import { Exclusion } from "./exclusion.js";

/**
 * @typedef {object} KnownVoter As `GET /v1/voters` lists one.
 * @property {string} id
 * @property {number} judgements
 * @property {number | null} first_at
 * @property {number | null} last_at
 * @property {{ reason: string, at: number, by: string } | null} exclusion
 * @property {{ cycle: string, judgements: number, used: number, trust: "trusted" | "distrusted" | "quarantined" | "unknown", shared: number, agreed: number | null, chance: number | null, share: number } | null} found
 */

const TRUST = /** @type {const} */ ({ trusted: "good", distrusted: "bad", quarantined: "warn", unknown: "plain" });

/** @param {{ voter: KnownVoter }} props */
function Trust({ voter }) {
  const words = strings.console.feedback.trust;
  if (voter.exclusion) return html`<${Badge} kind="bad">${words.excluded}<//>`;
  const trust = voter.found?.trust;
  return trust ? html`<${Badge} kind=${TRUST[trust]}>${words[trust]}<//>` : html`<span class="faint">${words.unseen}</span>`;
}

export function Voters() {
  const words = strings.console.feedback;
  const pages = usePages((after) => api.get(withQuery("/v1/voters", { limit: 100, after })), []);
  return html`
    <p class="faint">${words.votersIntro}</p>
    <${Loaded} of=${pages}>
      ${(/** @type {KnownVoter[]} */ rows) => html`
        <${Table}
          label=${words.tabs.voters}
          columns=${columns()}
          rows=${rows}
          rowKey=${(/** @type {KnownVoter} */ row) => row.id}
          onOpen=${(/** @type {KnownVoter} */ row) => go(link(["console", "feedback", "voters", row.id]))}
          onNear=${pages.more ? pages.near : undefined}
          empty=${words.noVoters}
        />
      `}
    <//>
  `;
}

/** @returns {readonly import("../../kit/table.js").Column<KnownVoter>[]} */
function columns() {
  const words = strings.console.feedback.columns;
  return [
    { name: "voter", title: words.voter, width: "minmax(0, 2fr)", cell: (row) => row.id, sort: (row) => row.id },
    { name: "trust", title: words.trust, width: "9rem", phone: "end", cell: (row) => html`<${Trust} voter=${row} />` },
    {
      name: "agreed",
      title: words.agreed,
      width: "8rem",
      right: true,
      phone: "hide",
      cell: (row) => percent(row.found?.agreed),
      sort: (row) => row.found?.agreed,
    },
    {
      name: "judgements",
      title: words.judgements,
      width: "8rem",
      right: true,
      cell: (row) => count(row.judgements),
      sort: (row) => row.judgements,
    },
    {
      name: "last",
      title: words.last,
      width: "9rem",
      right: true,
      cell: (row) => html`<time title=${when(row.last_at)}>${ago(row.last_at)}</time>`,
      sort: (row) => row.last_at,
    },
  ];
}

/** @param {{ id: string }} props */
export function Voter({ id }) {
  const words = strings.console.feedback;
  const voter = useLoad(() => api.get(`/v1/voters/${encodeURIComponent(id)}`), [id]);
  return html`
    <${Heading}
      title=${id}
      up=${[
        [strings.console.screens.feedback, link(["console", "feedback"])],
        [words.tabs.voters, link(["console", "feedback", "voters"])],
      ]}
    />
    <${Loaded} of=${voter}>
      ${(/** @type {KnownVoter} */ known) => html`
        <section class="card stack">
          <div class="row">
            <${Trust} voter=${known} />
            <span class="spacer"></span>
            <a class="button" href=${link(["console", "feedback"], { voter: id })}>${words.theirs}</a>
            <${Exclusion} voter=${known} onDone=${voter.set} />
          </div>
          ${known.exclusion &&
          html`<p>${words.excludedSince(when(known.exclusion.at), known.exclusion.by)} <q>${known.exclusion.reason}</q></p>`}
          <${Facts}
            of=${[
              [words.columns.judgements, count(known.judgements)],
              [words.first, when(known.first_at)],
              [words.columns.last, when(known.last_at)],
            ]}
          />
        </section>
        <section class="card stack">
          <h2>${words.found}</h2>
          ${known.found ? html`<${Finding} found=${known.found} />` : html`<p class="faint">${words.notFound}</p>`}
        </section>
      `}
    <//>
  `;
}

/** @param {{ found: NonNullable<KnownVoter["found"]> }} props */
function Finding({ found }) {
  const words = strings.console.feedback;
  return html`
    <p>${words.trustWhy[found.trust]}</p>
    <${Facts}
      of=${[
        [words.inWindow, words.usedOf(count(found.used), count(found.judgements))],
        [words.shared, count(found.shared)],
        [words.columns.agreed, found.agreed !== null && words.agreedOf(percent(found.agreed), percent(found.chance))],
        [words.capped, percent(found.share)],
        [words.cycle, html`<a class="version" href=${link(["console", "cycles", found.cycle])}>${found.cycle}</a>`],
      ]}
    />
  `;
}
