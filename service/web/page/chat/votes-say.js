/**
 * Saying what one thinks of an answer. It shows at once and is sent behind that; where the service does not take it, what
 * it took last is shown again, and why.
 */
import { api } from "../lib/api.js";
import { signal } from "../lib/ui.js";
import { keep } from "./votes-kept.js";
import { changeKept, placeOf } from "./votes-turns.js";

/** @typedef {import("../lib/conversations.js").Vote} Vote */
/** @typedef {import("../lib/conversations.js").Turn} Turn */
/** @typedef {import("../lib/conversations.js").Answer} Answer */

/**
 * @typedef {object} Line What is on its way about one answer.
 * @property {Vote | null} taken What the service took last.
 * @property {Vote | null} wanted
 * @property {Promise<unknown>} end What came of it: null, or the error.
 */

/** @type {Map<string, Line>} */
const lines = new Map();
/** What was not taken, by answer id, until something else is said. */
export const failures = signal(/** @type {Record<string, { error: unknown, vote: Vote | null } | undefined>} */ ({}));
/** Ids of answers about which something is on its way. */
export const sending = signal(/** @type {ReadonlySet<string>} */ (new Set()));

/** @type {Readonly<Vote>} */
export const NOTHING = { rating: null, scores: {}, reasons: [], comment: "", correction: "", evidence: [] };

/** @param {string} id */
export const votePath = (id) => `/v1/answers/${encodeURIComponent(id)}/vote`;

/**
 * Say it. What is said while something is on its way goes after it, and only the last of that.
 *
 * @param {Turn} turn
 * @param {Answer} answer
 * @param {Vote | null} vote Whole; null withdraws.
 * @returns {Promise<unknown>} Null when the service took it, else why not, which is in `failures` too.
 */
export function say(turn, answer, vote) {
  const id = /** @type {string} */ (answer.id);
  const wanted = vote && says(vote) ? vote : null;
  failures.value = { ...failures.value, [id]: undefined };
  void show(placeOf(turn), id, wanted);
  const under = lines.get(id);
  if (under) {
    under.wanted = wanted;
    return under.end;
  }
  const line = { taken: answer.vote, wanted, end: Promise.resolve(/** @type {unknown} */ (null)) };
  lines.set(id, line);
  sending.value = new Set([...sending.value, id]);
  line.end = deliver(turn, answer, line).finally(() => {
    lines.delete(id);
    sending.value = new Set([...sending.value].filter((one) => one !== id));
  });
  return line.end;
}

/** @param {Turn} turn @param {Answer} answer @param {Line} line @returns {Promise<unknown>} */
async function deliver(turn, answer, line) {
  const id = /** @type {string} */ (answer.id);
  try {
    do {
      const sent = line.wanted;
      await api.put(votePath(id), body(sent));
      line.taken = sent;
    } while (line.taken !== line.wanted);
    keep({ kind: "vote", id, about: id, question: turn.question, ...placeOf(turn) });
    return null;
  } catch (error) {
    failures.value = { ...failures.value, [id]: { error, vote: line.wanted } };
    void show(placeOf(turn), id, line.taken);
    return error;
  }
}

/**
 * Show it with the answer.
 *
 * @param {{ conversation: string, turn: string }} place
 * @param {string} id The answer's.
 * @param {Vote | null} vote
 */
const show = (place, id, vote) =>
  changeKept(place, (turn) => ({ ...turn, answers: turn.answers.map((one) => (one.id === id ? { ...one, vote } : one)) }));

/** @param {Vote} vote @returns {boolean} Whether it says anything. */
export const says = (vote) => vote.rating !== null || extras(vote);

/** @param {Vote} vote @returns {boolean} Whether it says more than a thumb. */
export const extras = (vote) =>
  Boolean(
    Object.keys(vote.scores).length || vote.reasons.length || vote.comment || vote.correction || vote.evidence.length,
  );

/** @param {Vote | null} vote @returns {object} As the service takes it: `rating: null` withdraws and goes alone. */
function body(vote) {
  if (!vote) return { rating: null };
  const { rating, ...rest } = vote;
  return rating === null ? rest : { rating, ...rest };
}

/**
 * Withdraw a vote from its list, whether or not its conversation is open or still there.
 *
 * @param {import("./votes-kept.js").Kept} entry
 */
export async function withdraw(entry) {
  await api.put(votePath(entry.id), body(null));
  await show(entry, entry.id, null);
}
