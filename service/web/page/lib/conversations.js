/**
 * The conversations of who is signed in. They live in this browser; the service keeps answers only to learn from them.
 *
 * A conversation is a tree: asking a changed question makes a sibling of the turn, and the turns that followed stay with
 * the old one. `chosen` says which child of a turn is shown; the last one where it says nothing.
 *
 * Turns and answers are never changed in place: `changeTurn` and `changeAnswer` put new ones where they were.
 */
import { openStore } from "./database.js";
import { computed, signal } from "./ui.js";

/**
 * @typedef {object} Evidence A passage that was shown to the model, or a quote from one; see docs/api.md.
 * @property {number} number
 * @property {string} document_id
 * @property {string} chunk_id
 * @property {string} title
 * @property {string | null} url
 * @property {string} filepath
 * @property {string} content
 * @property {number} start_index In the document's text, in code points.
 * @property {number} end_index
 * @property {number | null} page_start
 * @property {number | null} page_end
 * @property {number} score
 * @property {boolean} [verified] Of a citation.
 * @property {boolean} [cited] Of a passage.
 */

/**
 * @typedef {object} Vote What the person said about an answer, as `PUT /v1/answers/{id}/vote` takes it.
 * @property {"up" | "down" | null} rating Null: it was judged without a thumb.
 * @property {Record<string, number>} scores From 1 to 5, by criterion.
 * @property {string[]} reasons
 * @property {string} comment
 * @property {string} correction
 * @property {{ chunk_id: string, relevant: boolean }[]} evidence
 */

/**
 * @typedef {object} Answer
 * @property {string} key Ours, there from the first moment.
 * @property {string | null} id The service's `answer_id`; null until it is done, and where it was not recorded.
 * @property {string} text
 * @property {Evidence[]} citations
 * @property {Evidence[]} retrieved
 * @property {string | null} version Who answered; null while that is not to be known.
 * @property {"streaming" | "done" | "stopped" | "failed" | "not_found"} state `not_found`: it is not in the documents.
 * @property {{ message: string, code: string, retryAfterS: number | null } | null} error
 * @property {boolean} recorded False: the service could not keep it, so it cannot be voted on.
 * @property {boolean} cut It ended at the length limit.
 * @property {boolean} same Asked again, and it said the same.
 * @property {string} intent What was searched for.
 * @property {number} at Seconds since the epoch.
 * @property {Vote | null} vote
 */

/**
 * @typedef {object} Pair Two answers to be compared, in the order shown. The message view shows the answers themselves
 *     (side by side while they are blind and have no outcome); `chat/pair.js` shows the question and the choices below.
 * @property {[string, string]} answers Their ids.
 * @property {boolean} blind The service chose to ask: both are shown side by side, and nobody knows whose they are.
 *     False: the person asked again.
 * @property {"first" | "second" | "tie" | "both_bad" | null} outcome Null until there is one.
 * @property {string | null} preference_id
 * @property {string[] | null} versions Who gave them, once it was told.
 * @property {string} [comment] Why that one.
 */

/**
 * @typedef {object} Turn
 * @property {string} id
 * @property {string} conversation
 * @property {string | null} parent The turn before it.
 * @property {string} question
 * @property {number} at Seconds since the epoch.
 * @property {Answer[]} answers
 * @property {number} shown Which of them stands in the thread.
 * @property {Pair | null} pair
 */

/**
 * @typedef {object} Conversation
 * @property {string} id
 * @property {string} title
 * @property {number} at When it was last asked in, in seconds since the epoch.
 * @property {string[] | null} collections Null: all that may be read.
 * @property {string} model `groundloop`, or a pinned `groundloop@<version>`.
 * @property {Record<string, string>} chosen Of each parent ("" for the start) the child that is shown.
 */

/** Newest first. */
export const conversations = signal(/** @type {Conversation[]} */ ([]));
/** The open conversation, null for a new one. */
export const opened = signal(/** @type {string | null} */ (null));
/** All turns of the open conversation, on every branch. */
export const turns = signal(/** @type {Turn[]} */ ([]));
/** Whether a reload finds it all again. */
export const lasting = signal(true);
/** Whether the conversations were read. */
export const ready = signal(false);

export const conversation = computed(() => conversations.value.find((one) => one.id === opened.value) ?? null);
/** The turns that stand in the thread. */
export const thread = computed(() => branch(turns.value, conversation.value?.chosen ?? {}));

/** @type {import("./database.js").Store | null} */
let store = null;
/** Turns that are being answered or written: what is newer than the database. @type {Map<string, Turn>} */
const live = new Map();
/** @type {Map<string, ReturnType<typeof setTimeout>>} */
const waiting = new Map();
const WRITE_AFTER_MS = 700;
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("groundloop conversations") : null;

/** @param {string} owner The identity of who is signed in. */
export async function begin(owner) {
  ready.value = false;
  [conversations.value, turns.value, opened.value] = [[], [], null];
  live.clear();
  store = await openStore(owner);
  lasting.value = store.lasting;
  conversations.value = (await store.conversations()).sort((a, b) => b.at - a.at);
  ready.value = true;
  if (tabs) tabs.onmessage = (event) => event.data.owner === owner && heard(event.data.conversation);
  tell = (id) => tabs?.postMessage({ owner, conversation: id });
}

/** Tell other tabs that a conversation changed. @type {(conversation: string) => void} */
let tell = () => {};

/** @param {string} changed */
async function heard(changed) {
  if (!store) return;
  conversations.value = (await store.conversations()).sort((a, b) => b.at - a.at);
  if (changed === opened.value) turns.value = await read(changed);
}

/** A name that nothing else has; `randomUUID` exists only where the page came by https or from this machine. */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string | null} id Null: none, for a new one. @returns {Promise<boolean>} Whether there is one. */
export async function open(id) {
  if (id === opened.value) return true;
  opened.value = id;
  turns.value = [];
  if (id === null) return true;
  const found = await read(id);
  if (opened.value === id) turns.value = found;
  return conversations.value.some((one) => one.id === id);
}

/** @param {string} id @returns {Promise<Turn[]>} With what is being written just now. */
export async function read(id) {
  const kept = (await store?.turns(id)) ?? [];
  const known = new Set(kept.map((turn) => turn.id));
  const unwritten = [...live.values()].filter((turn) => turn.conversation === id && !known.has(turn.id));
  return [...kept, ...unwritten].map((turn) => live.get(turn.id) ?? interrupted(turn));
}

/** @param {Turn} turn @returns {Turn} An answer that was under way when its page was closed is one that was stopped. */
function interrupted(turn) {
  if (!turn.answers.some((one) => one.state === "streaming")) return turn;
  const answers = turn.answers.map((one) => (one.state === "streaming" ? { ...one, state: /** @type {const} */ ("stopped") } : one));
  return { ...turn, answers };
}

/** @param {{ title: string, collections: string[] | null, model: string }} given @returns {Conversation} Open. */
export function create({ title, collections, model }) {
  const made = { id: newId(), title, at: Date.now() / 1000, collections, model, chosen: {} };
  conversations.value = [made, ...conversations.value];
  opened.value = made.id;
  turns.value = [];
  store?.putConversation(made).then(() => tell(made.id), full);
  return made;
}

/** @param {string} id @param {Partial<Conversation>} change */
export function changeConversation(id, change) {
  const old = conversations.value.find((one) => one.id === id);
  if (!old) return;
  const made = { ...old, ...change };
  conversations.value = conversations.value.map((one) => (one === old ? made : one)).sort((a, b) => b.at - a.at);
  store?.putConversation(made).then(() => tell(id), full);
}

/** @param {string} id */
export async function remove(id) {
  conversations.value = conversations.value.filter((one) => one.id !== id);
  if (opened.value === id) [opened.value, turns.value] = [null, []];
  for (const turn of live.values()) if (turn.conversation === id) live.delete(turn.id);
  await store?.remove(id);
  tell(id);
}

/** @param {string} words @returns {Promise<Set<string>>} Conversations in whose questions or answers they stand. */
export async function search(words) {
  const wanted = words.toLowerCase();
  /** @param {string} text */
  const has = (text) => text.toLowerCase().includes(wanted);
  return (await store?.find((turn) => has(turn.question) || turn.answers.some((one) => has(one.text)))) ?? new Set();
}

/**
 * Put a turn where it was, or at the end.
 *
 * @param {Turn} turn
 * @param {{ soon?: boolean }} [options] `soon`: it changes again in a moment, so that not every change is written.
 */
export function putTurn(turn, { soon = false } = {}) {
  const gone = !conversations.value.some((one) => one.id === turn.conversation);
  if (gone) return;
  live.set(turn.id, turn);
  if (turn.conversation === opened.value) {
    const there = turns.value.some((one) => one.id === turn.id);
    turns.value = there ? turns.value.map((one) => (one.id === turn.id ? turn : one)) : [...turns.value, turn];
  }
  if (!soon) return write(turn.id);
  if (!waiting.has(turn.id)) waiting.set(turn.id, setTimeout(() => write(turn.id), WRITE_AFTER_MS));
}

/** @param {string} id */
function write(id) {
  clearTimeout(waiting.get(id));
  waiting.delete(id);
  const turn = live.get(id);
  if (!turn) return;
  store?.putTurn(turn).then(() => {
    // From here on the database is right, also when another tab changes it.
    if (live.get(id) === turn && !turn.answers.some((one) => one.state === "streaming")) live.delete(id);
    tell(turn.conversation);
  }, full);
}

/** The disk is full, or the browser keeps nothing any more: what is open goes on, and the reader is told. */
const full = () => {
  lasting.value = false;
};

/** @param {string} id @returns {Turn | undefined} A turn that is open or being answered. */
export const findTurn = (id) => live.get(id) ?? turns.value.find((one) => one.id === id);

/** @param {string} id @param {(turn: Turn) => Turn} change @param {{ soon?: boolean }} [options] */
export function changeTurn(id, change, options) {
  const old = findTurn(id);
  if (old) putTurn(change(old), options);
}

/** @param {string} turn @param {string} key The answer's `key`. @param {Partial<Answer>} change @param {{ soon?: boolean }} [options] */
export function changeAnswer(turn, key, change, options) {
  /** @param {Answer} one */
  const made = (one) => (one.key === key ? { ...one, ...change } : one);
  changeTurn(turn, (old) => ({ ...old, answers: old.answers.map(made) }), options);
}

/** @param {Turn[]} all @param {Record<string, string>} chosen @returns {Turn[]} The branch that is shown. */
export function branch(all, chosen) {
  /** @type {Map<string, Turn[]>} */
  const children = new Map();
  for (const turn of all) children.set(turn.parent ?? "", [...(children.get(turn.parent ?? "") ?? []), turn]);
  const path = [];
  for (let at = ""; ; ) {
    const here = children.get(at);
    if (!here) return path;
    const next = here.find((one) => one.id === chosen[at]) ?? here[here.length - 1];
    path.push(next);
    at = next.id;
  }
}
