/** An error in words for a person. */
import { strings } from "../strings.js";
import { ApiError } from "./api.js";

/** @param {unknown} error @returns {string} */
export function said(error) {
  if (error instanceof ApiError) {
    if (error.status === 0) return strings.unreachable;
    return error.retryAfterS ? `${error.message} ${strings.retryIn(error.retryAfterS)}` : error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
