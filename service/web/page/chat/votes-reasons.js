/**
 * The reasons that may go with a thumb, by what they teach. The names are those of training/records/reasons.py; a
 * test holds the two together.
 */

/** @typedef {"up" | "down"} Rating */
/** @typedef {keyof typeof import("../strings.js").strings.votes.reasons} Reason */
/** @typedef {keyof typeof import("../strings.js").strings.votes.teaches} Signal */

export const MOST_REASONS = 8;

/** @type {Readonly<Record<Rating, readonly (readonly [Signal, readonly Reason[]])[]>>} */
const GROUPS = {
  up: [
    ["policy", ["accurate", "complete", "clear", "followed_instructions"]],
    ["retrieval", ["good_sources"]],
    ["none", ["other"]],
  ],
  down: [
    ["policy", ["wrong_answer", "incomplete", "unclear", "too_long", "ignored_instructions"]],
    ["retrieval", ["wrong_source"]],
    ["corpus", ["missing_document", "outdated_source"]],
    ["abstention", ["should_have_refused", "should_not_have_refused"]],
    ["none", ["other"]],
  ],
};
/** Of the two about declining only one can be true of an answer. */
const ONLY = /** @type {const} */ ({ declined: "should_not_have_refused", answered: "should_have_refused" });

/**
 * The reasons to offer.
 *
 * @param {Rating} rating
 * @param {boolean} declined The answer says that the documents do not hold it.
 * @returns {[Signal, Reason[]][]}
 */
export function groups(rating, declined) {
  const never = declined ? ONLY.answered : ONLY.declined;
  return GROUPS[rating].map(([signal, reasons]) => [signal, reasons.filter((reason) => reason !== never)]);
}

/**
 * Those that still make sense with another thumb.
 *
 * @param {readonly string[]} reasons
 * @param {Rating} rating
 * @returns {string[]}
 */
export function kept(reasons, rating) {
  const known = new Set(/** @type {string[]} */ (GROUPS[rating].flatMap(([, inside]) => inside)));
  return reasons.filter((reason) => known.has(reason));
}
