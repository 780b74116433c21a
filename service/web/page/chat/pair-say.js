/** Saying which of two answers is better, and taking that back. */
import { api } from "../lib/api.js";
import { newId } from "../lib/conversations.js";
import { preferencePath } from "./lineage.js";
import { keep } from "./votes-kept.js";
import { changeKept, placeOf } from "./votes-turns.js";

/** @typedef {import("../lib/conversations.js").Turn} Turn */
/** @typedef {import("../lib/conversations.js").Pair} Pair */
/** @typedef {"first" | "second" | "tie" | "both_bad"} Outcome */

/** What was sent and is not known to have arrived: sent again it gets the same key. @type {Map<string, string>} */
const unanswered = new Map();

/**
 * Say it. The conversation goes on with the answer that was chosen.
 *
 * @param {Turn} turn
 * @param {Outcome} outcome
 * @param {string} [comment]
 * @throws {import("../lib/api.js").ApiError}
 */
export async function prefer(turn, outcome, comment = "") {
  const { answers } = /** @type {Pair} */ (turn.pair);
  const body = { answers, outcome, comment };
  const text = JSON.stringify(body);
  const key = unanswered.get(text) ?? newId();
  unanswered.set(text, key);
  const kept = await api.post("/v1/preferences", body, { "Idempotency-Key": key });
  unanswered.delete(text);
  const about = [...answers].sort().join(" ");
  keep({ kind: "preference", id: kept.id, about, question: turn.question, ...placeOf(turn) });
  await changeKept(placeOf(turn), (old) => chosen(old, answers, { outcome, comment, id: kept.id, versions: kept.versions }));
}

/**
 * @param {Turn} turn
 * @param {[string, string]} answers
 * @param {{ outcome: Outcome, comment: string, id: string, versions: string[] }} said
 * @returns {Turn}
 */
function chosen(turn, answers, { outcome, comment, id, versions }) {
  const chooses = outcome === "first" || outcome === "second";
  const better = answers[outcome === "second" ? 1 : 0];
  const place = turn.answers.findIndex((one) => one.id === better);
  /** @type {Pair} */
  const pair = { ...(turn.pair ?? { blind: false }), answers, outcome, comment, preference_id: id, versions };
  return {
    ...turn,
    pair,
    // A comment that is added later does not lead back to it.
    shown: chooses && outcome !== turn.pair?.outcome ? Math.max(0, place) : turn.shown,
    answers: turn.answers.map((one) => {
      const index = answers.indexOf(one.id ?? "");
      return index < 0 ? one : { ...one, version: versions[index] ?? one.version };
    }),
  };
}

/**
 * Take it back; both answers stay, and can be compared again.
 *
 * @param {{ id: string, conversation: string, turn: string }} given The preference, and where it was given.
 * @throws {import("../lib/api.js").ApiError}
 */
export async function retract({ id, conversation, turn }) {
  await api.delete(preferencePath(id));
  await changeKept({ conversation, turn }, (old) =>
    old.pair?.preference_id === id
      ? { ...old, pair: { ...old.pair, outcome: null, comment: "", preference_id: null, versions: null } }
      : old,
  );
}
