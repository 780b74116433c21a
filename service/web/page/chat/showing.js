/** What is shown beside the thread: the card of a citation, and the panel with what was found or with a document. */
import { findTurn } from "../lib/conversations.js";
import { signal } from "../lib/ui.js";

/** @typedef {import("../lib/conversations.js").Evidence} Evidence */
/** @typedef {import("../lib/conversations.js").Answer} Answer */
/** @typedef {import("../lib/conversations.js").Turn} Turn */

/**
 * @typedef {object} Shown
 * @property {string} turn
 * @property {string} answer Its key.
 */
/** @typedef {Shown & { number: number, anchor: HTMLElement, pinned: boolean }} Card */
/** @typedef {{ kind: "evidence" } & Shown | { kind: "source", passage: Evidence, quotes: Evidence[], back: Shown | null }} Side */

export const card = signal(/** @type {Card | null} */ (null));
export const side = signal(/** @type {Side | null} */ (null));
/** Whether the list of conversations is shown where it does not stand beside the thread. */
export const listed = signal(false);

const OPENS_MS = 150;
const CLOSES_MS = 250;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {Card} wanted Show it in a moment, unless the pointer only passes by. */
export function openSoon(wanted) {
  clearTimeout(timer);
  if (!card.value?.pinned) timer = setTimeout(() => (card.value = wanted), OPENS_MS);
}

/** Close it in a moment, unless the pointer goes into it. */
export function closeSoon() {
  clearTimeout(timer);
  if (!card.value?.pinned) timer = setTimeout(() => (card.value = null), CLOSES_MS);
}

export const stay = () => clearTimeout(timer);

/** @param {Card} wanted */
export function openNow(wanted) {
  clearTimeout(timer);
  card.value = wanted;
}

/** @param {boolean} [focus] Whether the focus goes back to where it was opened. @returns {boolean} Whether it was open. */
export function closeCard(focus = false) {
  clearTimeout(timer);
  const was = card.value;
  card.value = null;
  if (focus && was?.pinned) was.anchor.focus();
  return was !== null;
}

/** @type {HTMLElement | null} */
let opener = null;

/** @param {Side} wanted */
export function openSide(wanted) {
  if (side.value === null && document.activeElement instanceof HTMLElement) {
    opener = card.value?.anchor ?? document.activeElement;
  }
  card.value?.anchor.closest("dialog")?.close();
  closeCard();
  side.value = wanted;
}

/** Close the panel; the focus goes back. @returns {boolean} Whether it was open. */
export function closeSide() {
  if (side.value === null) return false;
  side.value = null;
  opener?.focus();
  opener = null;
  return true;
}

/** @param {Shown} shown @returns {{ turn: Turn, answer: Answer } | null} */
export function answerOf(shown) {
  const turn = findTurn(shown.turn);
  const answer = turn?.answers.find((one) => one.key === shown.answer);
  return turn && answer ? { turn, answer } : null;
}

/**
 * What a marker stands for: the passage as it was shown, and the quotes from it that the answer rests on.
 *
 * @param {Answer} answer
 * @param {number} number
 * @returns {{ passage: Evidence, quotes: Evidence[] } | null} Null where the number stands for nothing.
 */
export function cited(answer, number) {
  const quotes = answer.citations.filter((one) => one.number === number);
  const passage = answer.retrieved.find((one) => one.number === number) ?? quotes[0];
  return passage ? { passage, quotes } : null;
}
