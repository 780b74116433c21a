/** A text with the quotes in it marked. Offsets count code points from the start of the document. */
import { unitRange } from "../lib/codepoints.js";
import { visible } from "../lib/hidden.js";
import { html } from "../lib/ui.js";

/** @typedef {import("../lib/conversations.js").Evidence} Evidence */

/**
 * @param {object} props
 * @param {string} props.text
 * @param {number} props.start Where it stands in the document.
 * @param {Evidence[]} props.quotes
 */
export function Quoted({ text, start, quotes }) {
  const parts = [];
  let at = 0;
  for (const { from, to, verified } of placed(text, start, quotes)) {
    if (to <= at) continue;
    parts.push(
      visible(text.slice(at, Math.max(at, from))),
      html`<mark class=${verified ? null : "unverified"}>${visible(text.slice(Math.max(at, from), to))}</mark>`,
    );
    at = to;
  }
  return html`${parts}${visible(text.slice(at))}`;
}

/** @param {string} text @param {number} start @param {Evidence[]} quotes In the order of the text, in UTF-16 units. */
function placed(text, start, quotes) {
  return quotes
    .map((quote) => {
      const [from, to] = unitRange(text, quote.start_index - start, quote.end_index - start);
      return { from, to, verified: quote.verified !== false };
    })
    .sort((a, b) => a.from - b.from);
}
