/** A judgement in words: its thumb or outcome, its reasons, and everything else that was said. */
import { Badge } from "../../kit/badge.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/**
 * @typedef {object} Judgement As `GET /v1/feedback` lists it.
 * @property {string} id
 * @property {"vote" | "preference"} kind
 * @property {number} created_at
 * @property {boolean} current
 * @property {string} voter
 * @property {string[]} answers
 * @property {string} prompt_id
 * @property {string[]} versions
 * @property {string | null} segment
 * @property {boolean} consent
 * @property {string} rating
 * @property {Details} details
 */
/**
 * @typedef {object} Details
 * @property {string[]} [reasons]
 * @property {string} [comment]
 * @property {string} [correction]
 * @property {Record<string, number>} [scores]
 * @property {[string, boolean][]} [evidence]
 * @property {number[]} [ranks]
 */

/** @type {Record<string, "good" | "bad" | "info" | "plain">} */
const KINDS = { up: "good", down: "bad", first: "info", second: "info", ranked: "info" };

/** @param {{ rating: string }} props */
export function Rating({ rating }) {
  const words = /** @type {Record<string, string>} */ (strings.console.feedback.ratings);
  return html`<${Badge} kind=${KINDS[rating] ?? "plain"}>${words[rating] ?? rating}<//>`;
}

/** @param {string} voter Such as `key:ab12/user:jane`. @returns {string} What people call this voter, where it is known. */
export const shortName = (voter) => /\/user:(.+)$/.exec(voter)?.[1] ?? voter;

/** @param {string} reason @returns {string} */
export const reasonSaid = (reason) => /** @type {Record<string, string>} */ (strings.votes.reasons)[reason] ?? reason;

/** @param {Details} details @returns {string} The judgement in one line, without its thumb. */
export function inShort(details) {
  const words = strings.console.feedback;
  const marks = details.evidence?.length ?? 0;
  return [
    ...(details.reasons ?? []).map(reasonSaid),
    details.comment && `“${details.comment}”`,
    details.correction && words.corrected,
    marks > 0 && words.marks(marks),
    ...Object.entries(details.scores ?? {}).map(([name, score]) => words.score(name, score)),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Everything that was said, at length. @param {{ details: Details }} props */
export function Said({ details }) {
  const words = strings.console.feedback;
  return html`
    ${(details.reasons ?? []).length > 0 &&
    html`<p class="row tight">${(details.reasons ?? []).map((one) => html`<${Badge}>${reasonSaid(one)}<//>`)}</p>`}
    ${details.comment && html`<blockquote class="words">${details.comment}</blockquote>`}
    ${details.correction &&
    html`<div>
      <p class="faint small">${words.corrected}</p>
      <blockquote class="words">${details.correction}</blockquote>
    </div>`}
    ${Object.entries(details.scores ?? {}).map(([name, score]) => html`<p class="small">${words.score(name, score)}</p>`)}
    ${(details.ranks ?? []).length > 2 && html`<p class="small">${words.ranks((details.ranks ?? []).join(", "))}</p>`}
  `;
}
