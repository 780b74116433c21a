/** Turns by where they were kept, whether or not their conversation is open, or still there. */
import { findTurn, putTurn, read } from "../lib/conversations.js";

/** @typedef {import("../lib/conversations.js").Turn} Turn */

/**
 * Change a turn: at once where its conversation is open, else as soon as it is read.
 *
 * @param {{ conversation: string, turn: string }} place
 * @param {(turn: Turn) => Turn} change
 */
export async function changeKept({ conversation, turn }, change) {
  const found = findTurn(turn) ?? (await read(conversation)).find((one) => one.id === turn);
  if (found) putTurn(change(found));
}

/** @param {Turn} turn @returns {{ conversation: string, turn: string }} */
export const placeOf = (turn) => ({ conversation: turn.conversation, turn: turn.id });
