/**
 * Asking the service: a question, the same again, or a changed one. Several conversations may be answered at once, and an
 * answer goes on while another conversation is looked at.
 */
import { api, ApiError } from "../lib/api.js";
import {
  branch, changeAnswer, changeConversation, changeTurn, conversation, create, findTurn, newId, opened, putTurn, thread, turns,
} from "../lib/conversations.js";
import { go, link } from "../lib/router.js";
import { signal } from "../lib/ui.js";
import { strings } from "../strings.js";
import { heard, summary } from "./spoken.js";

/** @typedef {import("../lib/conversations.js").Answer} Answer */
/** @typedef {import("../lib/conversations.js").Turn} Turn */
/** @typedef {import("../lib/conversations.js").Conversation} Conversation */

const PATH = "/v1/chat/completions";
const SHOW_AFTER_MS = 40;
const MOST_TURNS_SENT = 30;
const TITLE_LENGTH = 70;

/** Turns that are being answered. */
export const answering = signal(/** @type {ReadonlySet<string>} */ (new Set()));
/** @type {Map<string, AbortController>} */
const stops = new Map();

/** @param {string} turn Stop answering it; what was said so far stays. */
export const stop = (turn) => stops.get(turn)?.abort();

/** Stop what is being answered in the open conversation. @returns {boolean} Whether there was something. */
export function stopHere() {
  const here = turns.value.filter((turn) => answering.value.has(turn.id));
  here.forEach((turn) => stop(turn.id));
  return here.length > 0;
}

/**
 * Ask in the open conversation, or in a new one.
 *
 * @param {string} question
 * @param {{ collections: string[] | null, model: string }} given For a new one.
 */
export function ask(question, given) {
  const fresh = opened.value === null;
  const here = conversation.value ?? create({ title: titleOf(question), ...given });
  const before = thread.value;
  const made = begun(here, before[before.length - 1]?.id ?? null, question);
  if (fresh) go(link(["c", here.id]), { replace: true });
  void answer(made.id, [0], { ...body(here, before, question), pairs: true });
}

/** Ask a changed question in the place of this one. The old one stays, with what followed. @param {Turn} turn @param {string} question */
export function edit(turn, question) {
  const here = conversation.value;
  if (!here) return;
  const made = begun(here, turn.parent, question);
  void answer(made.id, [0], { ...body(here, pathTo(turn), question), pairs: true });
}

/** Have a question answered once more; all answers stay. @param {Turn} turn */
export function again(turn) {
  const here = conversation.value;
  if (!here || answering.value.has(turn.id)) return;
  const old = turn.answers[turn.shown];
  const asked = body(here, pathTo(turn), turn.question);
  const index = turn.answers.length;
  putTurn({ ...turn, answers: [...turn.answers, blank()], shown: index });
  void answer(turn.id, [index], old.id ? { ...asked, again: old.id } : asked, old.id);
}

/** Ask what failed once more, in its place. @param {Turn} turn */
export function retry(turn) {
  const here = conversation.value;
  if (!here || answering.value.has(turn.id)) return;
  const index = turn.shown;
  putTurn({ ...turn, answers: turn.answers.map((one, i) => (i === index ? blank() : one)) });
  void answer(turn.id, [index], { ...body(here, pathTo(turn), turn.question), pairs: turn.answers.length === 1 });
}

/** @param {Conversation} here @param {string | null} parent @param {string} question @returns {Turn} */
function begun(here, parent, question) {
  const at = Date.now() / 1000;
  const turn = { id: newId(), conversation: here.id, parent, question, at, answers: [blank()], shown: 0, pair: null };
  putTurn(turn);
  changeConversation(here.id, { at, chosen: { ...here.chosen, [parent ?? ""]: turn.id } });
  return turn;
}

/** @returns {Answer} */
function blank() {
  return {
    key: newId(), id: null, text: "", citations: [], retrieved: [], version: null, state: "streaming", error: null,
    recorded: true, cut: false, same: false, intent: "", at: Date.now() / 1000, vote: null,
  };
}

/** @param {string} question */
function titleOf(question) {
  const line = question.trim().replace(/\s+/g, " ");
  return line.length > TITLE_LENGTH ? `${line.slice(0, TITLE_LENGTH).replace(/\s\S*$/, "")} …` : line;
}

/** @param {Turn} turn @returns {Turn[]} The turns before it. */
function pathTo(turn) {
  const path = [];
  for (let at = turn.parent; at !== null; ) {
    const parent = turns.value.find((one) => one.id === at);
    if (!parent) break;
    path.unshift(parent);
    at = parent.parent;
  }
  return path;
}

/** @param {Conversation} here @param {Turn[]} before @param {string} question */
function body(here, before, question) {
  const said = before.slice(-MOST_TURNS_SENT).flatMap((turn) => {
    const shown = turn.answers[turn.shown];
    // The service knows what it said whole; half an answer would be nobody's words.
    if (shown.state !== "done" && shown.state !== "not_found") return [];
    return [
      { role: "user", content: turn.question },
      { role: "assistant", content: shown.text },
    ];
  });
  return {
    model: here.model,
    messages: [...said, { role: "user", content: question }],
    stream: true,
    ...(here.collections ? { collections: here.collections } : {}),
  };
}

/**
 * @param {string} id The turn.
 * @param {number[]} places Where its answers stand; the service may give two.
 * @param {Record<string, unknown>} asked
 * @param {string | null} [old] The answer that this is another one of.
 */
async function answer(id, places, asked, old = null) {
  const stopped = new AbortController();
  stops.set(id, stopped);
  answering.value = new Set([...answering.value, id]);
  heard(id, strings.chat.answering);
  const into = new Into(id, places);
  try {
    const conversation = findTurn(id)?.conversation ?? "";
    for await (const event of api.stream(PATH, asked, stopped.signal, { "X-Groundloop-Conversation": conversation })) into.take(event);
    into.ended(stopped.signal.aborted ? "stopped" : "failed", null);
  } catch (error) {
    const aborted = error instanceof DOMException && error.name === "AbortError";
    into.ended(aborted ? "stopped" : "failed", aborted ? null : error);
  } finally {
    stops.delete(id);
    answering.value = new Set([...answering.value].filter((one) => one !== id));
  }
  if (old) compare(id, old, places[0]);
  const turn = findTurn(id);
  if (turn) heard(id, turn.pair?.blind ? strings.chat.twoAnswers : summary(turn.answers[turn.shown]));
}

/** Two answers to one prompt that differ can be compared. @param {string} id @param {string} old @param {number} place */
function compare(id, old, place) {
  changeTurn(id, (turn) => {
    const made = turn.answers[place];
    if (!made.id || made.same) return turn;
    return { ...turn, pair: { answers: [old, made.id], blind: false, outcome: null, preference_id: null, versions: null } };
  });
}

/** Where the pieces of a stream go. Many come in a moment, so they are shown a few times a second. */
class Into {
  /** @param {string} turn @param {number[]} places */
  constructor(turn, places) {
    this.turn = turn;
    this.first = places[0];
    /** @type {Map<number, string>} */
    this.texts = new Map();
    /** @type {Set<number>} */
    this.finished = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {number} index The service's. @returns {string} The key of the answer in that place, which is made if need be. */
  key(index) {
    const place = this.first + index;
    const turn = findTurn(this.turn);
    if (!turn) return "";
    if (turn.answers[place]) return turn.answers[place].key;
    const made = blank();
    putTurn({ ...turn, answers: [...turn.answers, made] });
    return made.key;
  }

  /** @param {any} event A chunk. */
  take(event) {
    for (const choice of event.choices) {
      const key = this.key(choice.index);
      if (choice.message) this.whole(event, choice, key);
      else if (choice.context) {
        changeAnswer(this.turn, key, { intent: choice.context.intent, retrieved: choice.context.retrieved }, { soon: true });
      } else if (choice.delta?.content) {
        this.texts.set(choice.index, (this.texts.get(choice.index) ?? "") + choice.delta.content);
        this.timer ??= setTimeout(() => this.show(), SHOW_AFTER_MS);
      }
    }
  }

  show() {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const [index, text] of this.texts) {
      if (!this.finished.has(index)) changeAnswer(this.turn, this.key(index), { text }, { soon: true });
    }
  }

  /** @param {any} event @param {any} choice @param {string} key The checked answer. */
  whole(event, choice, key) {
    this.finished.add(choice.index);
    const { content, context } = choice.message;
    const version = /** @type {string | undefined} */ (event.model.split("@")[1]) ?? null;
    changeAnswer(this.turn, key, {
      id: choice.answer_id,
      text: content,
      citations: context.citations,
      retrieved: context.retrieved,
      intent: context.intent,
      version: event.pair ? null : version,
      state: context.abstained ? "not_found" : "done",
      recorded: choice.recorded,
      cut: choice.finish_reason === "length",
      same: context.same === true,
    });
    if (event.pair && this.finished.size === 2) this.paired();
  }

  paired() {
    changeTurn(this.turn, (turn) => {
      const ids = turn.answers.slice(this.first, this.first + 2).map((one) => one.id);
      if (ids.length < 2 || ids.includes(null)) return turn;
      const answers = /** @type {[string, string]} */ (ids);
      return { ...turn, pair: { answers, blind: true, outcome: null, preference_id: null, versions: null } };
    });
  }

  /** @param {"stopped" | "failed"} state Of what is not finished. @param {unknown} error */
  ended(state, error) {
    this.show();
    changeTurn(this.turn, (turn) => {
      /** @param {Answer} one */
      const ended = (one) => (one.state === "streaming" ? { ...one, state, error: state === "failed" ? told(error) : null } : one);
      return { ...turn, answers: turn.answers.map(ended) };
    });
  }
}

/** @param {unknown} error @returns {NonNullable<Answer["error"]>} */
function told(error) {
  if (error === null) return { message: strings.chat.endedEarly, code: "ended_early", retryAfterS: null };
  if (!(error instanceof ApiError)) return { message: strings.chat.brokeOff, code: "broke_off", retryAfterS: null };
  const message = error.status === 0 ? strings.unreachable : error.message;
  return { message, code: error.code, retryAfterS: error.retryAfterS };
}

/** Of the siblings of a turn: all questions that were asked in its place, and which one this is. @param {Turn} turn */
export function siblings(turn) {
  const all = turns.value.filter((one) => one.parent === turn.parent);
  return { all, index: all.findIndex((one) => one.id === turn.id) };
}

/** Show another question of the same place, with what followed it. @param {Turn} turn */
export function choose(turn) {
  const here = conversation.value;
  if (here) changeConversation(here.id, { chosen: { ...here.chosen, [turn.parent ?? ""]: turn.id } });
}

/** Show the branch on which a turn stands. @param {string} id @returns {boolean} Whether there is such a turn. */
export function reveal(id) {
  const here = conversation.value;
  const target = turns.value.find((one) => one.id === id);
  if (!here || !target) return false;
  if (branch(turns.value, here.chosen).some((one) => one.id === id)) return true;
  const chosen = { ...here.chosen };
  for (const turn of [...pathTo(target), target]) chosen[turn.parent ?? ""] = turn.id;
  changeConversation(here.id, { chosen });
  return true;
}
