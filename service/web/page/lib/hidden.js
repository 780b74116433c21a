/**
 * Characters that a reader cannot see but that change what is read: controls that turn the direction of the text, tag
 * characters, long runs of nothing. Wherever words of a document or a model are shown, they are made visible.
 */
import { strings } from "../strings.js";
import { html } from "./ui.js";

// A single zero-width space or joiner is ordinary: it tells where a line may break, or joins letters.
const HIDDEN = /[\u202A-\u202E\u2066-\u2069]|[\u{E0000}-\u{E01EF}]+|[\u180E\u200B\u2060-\u2064\uFEFF]{2,}/gu;

/** @param {string} text @returns {import("./ui.js").Children} The text, with what is hidden in it named. */
export function visible(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(HIDDEN)) {
    parts.push(text.slice(at, match.index), mark(match[0]));
    at = match.index + match[0].length;
  }
  return at ? [...parts, text.slice(at)] : text;
}

/** @param {string} hidden */
function mark(hidden) {
  const code = /** @type {number} */ (hidden.codePointAt(0));
  const count = [...hidden].length;
  const name = count > 1 ? strings.chat.hiddenMany(count) : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return html`<span class="hidden-character" title=${strings.chat.hidden}>${name}</span>`;
}

/** @param {string} text @returns {string} The text without them, for titles and files. */
export const stripped = (text) => text.replace(HIDDEN, "");
