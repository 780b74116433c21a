/**
 * A document at the place of a quote: its text as the service read it, the passage and the quotes marked in it. Only the
 * neighbourhood of the place is shown at first, because a document may be a library.
 */
import { Loaded, useLoad } from "../kit/load.js";
import { api, ApiError } from "../lib/api.js";
import { unitRange } from "../lib/codepoints.js";
import { visible } from "../lib/hidden.js";
import { safeAddress } from "../lib/markdown.js";
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { about, titleOf, Verified } from "./citation.js";
import { Quoted } from "./quoted.js";

/** @typedef {import("../lib/conversations.js").Evidence} Evidence */
/** @typedef {{ text: string, start: number, end: number, moved: boolean }} Place Where the passage stands, in UTF-16 units. */

const AROUND = 6000;

/** The document that was looked at last. @type {{ path: string, text: Promise<string> } | null} */
let last = null;

/** @param {string} path @returns {Promise<string>} */
function textAt(path) {
  if (last?.path !== path) {
    last = { path, text: api.get(path).then((page) => page.data.map((/** @type {{ text: string }} */ one) => one.text).join("")) };
    last.text.catch(() => {
      last = null;
    });
  }
  return last.text;
}

/**
 * Find the passage in its document as that is now.
 *
 * @param {Evidence} passage
 * @returns {Promise<Place | "gone" | "changed">}
 */
async function find(passage) {
  try {
    const chunk = await api.get(`/v1/chunks/${encodeURIComponent(passage.chunk_id)}`);
    const store = encodeURIComponent(chunk.vector_store_id);
    const text = await textAt(`/v1/vector_stores/${store}/files/${encodeURIComponent(chunk.file_id)}/content`);
    const [start, end] = unitRange(text, passage.start_index, passage.end_index);
    if (text.slice(start, end) === passage.content) return { text, start, end, moved: false };
    const now = text.indexOf(passage.content);
    return now < 0 ? "changed" : { text, start: now, end: now + passage.content.length, moved: true };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return "gone";
    throw error;
  }
}

/** @param {{ passage: Evidence, quotes: Evidence[] }} props */
export function Source({ passage, quotes }) {
  const words = strings.chat;
  const place = useLoad(() => find(passage), [passage]);
  const address = passage.url ? safeAddress(passage.url) : null;
  return html`
    <div class="side-content">
      <h3>${visible(titleOf(passage))}</h3>
      <p class="faint">${about(passage)}</p>
      <${Verified} quotes=${quotes} />
      <div class="row">
        ${place.data !== "gone" &&
        html`<a class="button small" href=${`/v1/files/${encodeURIComponent(passage.document_id)}/content`} download>${words.download}</a>`}
        ${address && html`<a class="button small" href=${address.href} target="_blank" rel="noopener noreferrer">${words.website}</a>`}
      </div>
      <${Loaded} of=${place}>
        ${(/** @type {Place | "gone" | "changed"} */ found) =>
          typeof found === "string"
            ? html`<p class="answer-note">${found === "gone" ? words.sourceGone : words.sourceChanged}</p>
                <blockquote class="passage" dir="auto">
                  <${Quoted} text=${passage.content} start=${passage.start_index} quotes=${quotes} />
                </blockquote>`
            : html`<${Text} place=${found} passage=${passage} quotes=${quotes} />`}
      <//>
    </div>
  `;
}

/** @param {{ place: Place, passage: Evidence, quotes: Evidence[] }} props */
function Text({ place, passage, quotes }) {
  const words = strings.chat;
  const { text, start, end, moved } = place;
  const [from, setFrom] = useState(() => lineStart(text, Math.max(0, start - AROUND)));
  const [to, setTo] = useState(() => lineEnd(text, Math.min(text.length, end + AROUND)));
  const whole = useRef(/** @type {HTMLDivElement | null} */ (null));
  const toPlace = () => {
    const at = whole.current?.querySelector("mark") ?? whole.current?.querySelector(".in-document");
    at?.scrollIntoView({ block: "center" });
  };
  useEffect(toPlace, []);
  return html`
    ${moved && html`<p class="answer-note">${words.sourceMoved}</p>`}
    <button class="button small to-place" onClick=${toPlace}>${words.toPlace}</button>
    <div class="document" ref=${whole} dir="auto" tabindex="0" role="region" aria-label=${titleOf(passage)}>
      ${from > 0 && html`<button class="button small" onClick=${() => setFrom(lineStart(text, Math.max(0, from - AROUND)))}>${words.before}</button>`}
      <div class="document-text">
        ${visible(text.slice(from, start))}<span class="in-document"
          ><${Quoted} text=${text.slice(start, end)} start=${passage.start_index} quotes=${quotes} /></span
        >${visible(text.slice(end, to))}
      </div>
      ${to < text.length && html`<button class="button small" onClick=${() => setTo(lineEnd(text, Math.min(text.length, to + AROUND)))}>${words.after}</button>`}
    </div>
  `;
}

/** @param {string} text @param {number} at @returns {number} Where the line begins: nothing is cut in two. */
const lineStart = (text, at) => (at === 0 ? 0 : Math.max(text.lastIndexOf("\n", at) + 1, at - 500, 0));

/** @param {string} text @param {number} at @returns {number} */
function lineEnd(text, at) {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : Math.min(end, at + 500, text.length);
}
