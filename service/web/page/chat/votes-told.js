/** Why a judgement was not taken, and what to do, in words for the person who gave it. */
import { ApiError } from "../lib/api.js";
import { said } from "../lib/said.js";
import { strings } from "../strings.js";

const WAIT_S = 5;

/** @param {unknown} error @returns {string} */
export function told(error) {
  const words = strings.votes;
  if (!(error instanceof ApiError)) return said(error);
  if (error.status === 0) return words.unreachable;
  if (error.status === 404) return words.gone;
  if (error.status === 429) return words.tooMany(error.retryAfterS ?? WAIT_S);
  if (error.status === 503) return words.away(error.retryAfterS ?? WAIT_S);
  return said(error);
}

/** @param {unknown} error @returns {string | null} The field that it is about: `scores.helpful` is about `scores`. */
export function fieldOf(error) {
  return error instanceof ApiError && error.status === 400 ? (error.param?.split(".")[0] ?? null) : null;
}

/** @param {unknown} error @returns {boolean} Whether the same can be sent again. */
export const again = (error) => !(error instanceof ApiError) || error.status === 0 || error.status >= 429;
