/**
 * What was judged in this browser: enough to ask the service for the rest. It outlives the conversations, because a vote
 * counts on when the conversation in which it was given is deleted here.
 */
import { session } from "../lib/session.js";
import { stored } from "../lib/stored.js";

/**
 * @typedef {object} Kept
 * @property {"vote" | "preference"} kind
 * @property {string} id What the service calls it: of a vote the answer's id, of a preference its own.
 * @property {string} about What was judged: the answer's id, or both.
 * @property {string} question Its beginning.
 * @property {number} at Seconds since the epoch.
 * @property {string} conversation
 * @property {string} turn
 */

const MOST = 500;
const QUESTION_CHARS = 240;

/** @type {Map<string, import("@preact/signals").Signal<Kept[]>>} */
const lists = new Map();

/** The list of who is signed in: nobody else who uses this browser sees it. */
function list() {
  const name = `votes.${session.value?.identity ?? ""}`;
  let found = lists.get(name);
  if (!found) {
    found = stored(name, /** @type {Kept[]} */ ([]));
    lists.set(name, found);
  }
  return found;
}

// Another tab wrote its list: without this, ours would be written over it.
window.addEventListener("storage", (event) => {
  for (const [name, own] of lists) {
    if (event.key === `groundloop.${name}` && event.newValue) own.value = JSON.parse(event.newValue);
  }
});

/** @returns {Kept[]} Judged last first. */
export const judged = () => list().value;

/** @param {Omit<Kept, "at">} entry It takes the place of an earlier one about the same. */
export function keep(entry) {
  const made = { ...entry, question: entry.question.slice(0, QUESTION_CHARS), at: Date.now() / 1000 };
  list().value = [made, ...list().value.filter((one) => one.about !== entry.about)].slice(0, MOST);
}

/** @param {Kept} entry */
export function forget(entry) {
  list().value = list().value.filter((one) => one.about !== entry.about);
}
