/**
 * Markdown of a model, or of a document it quotes, as components. Nothing in it is trusted.
 *
 * Three gates, each enough by itself: marked gives raw HTML back as text; DOMPurify keeps a short list of elements; and
 * what is left is not put into the page but read, and made anew from the elements below, with no attribute but a checked
 * address of a link. Images are not loaded: an address with data in it would tell its host what was answered.
 */
import "dompurify";
import { h } from "preact";
import { Marked } from "marked";
import { visible } from "./hidden.js";
import { Fragment, html } from "./ui.js";

/** @typedef {import("./ui.js").Children} Children */
/** @typedef {{ createHTML: (text: string) => any, createScriptURL: (url: string) => any }} Policy */

/** What each element becomes. @type {Record<string, string>} */
const BECOMES = {
  p: "p", strong: "strong", b: "strong", em: "em", i: "em", del: "del", code: "code", pre: "pre", blockquote: "blockquote",
  ul: "ul", ol: "ol", li: "li", hr: "hr", br: "br", a: "a", table: "table", thead: "thead", tbody: "tbody", tr: "tr",
  th: "th", td: "td", h1: "h3", h2: "h4", h3: "h5", h4: "h6", h5: "h6", h6: "h6",
};
const DEEPEST = 24;
const LONGEST = 60_000;
const MARKER = /\[(\d{1,3})\]/g;
const SCHEMES = ["http:", "https:", "mailto:"];

/** @type {any} */
const purifier = /** @type {any} */ (globalThis).DOMPurify;
/** The page allows no markup from text but through this policy, and only DOMPurify gets it: into a document of its own. */
const policy = /** @type {Policy | undefined} */ (
  /** @type {any} */ (globalThis).trustedTypes?.createPolicy("groundloop", {
    createHTML: (/** @type {string} */ text) => text,
    createScriptURL: () => {
      throw new TypeError("no scripts");
    },
  })
);
const RULES = {
  ALLOWED_TAGS: Object.keys(BECOMES),
  ALLOWED_ATTR: ["href", "start"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
  ...(policy ? { TRUSTED_TYPES_POLICY: policy } : {}),
};

/** @param {string} text @returns {string} */
const escaped = (text) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  tokenizer: {
    // "[1]: https://..." would turn every marker [1] into a link of the writer's choice.
    def: () => undefined,
  },
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/**
 * @param {object} props
 * @param {string} props.text
 * @param {(number: number) => Children} [props.cite] What stands for a marker `[n]`; nothing to leave the marker as it is.
 */
export function Markdown({ text, cite }) {
  return html`<div class="markdown" dir="auto">${rendered(text, cite)}</div>`;
}

/** @param {string} text @param {(number: number) => Children} [cite] @returns {Children} */
function rendered(text, cite) {
  if (text.length > LONGEST) return plain(text, cite);
  try {
    const fragment = purifier.sanitize(marked.parse(text, { async: false }), RULES);
    return children(fragment, { cite, depth: 0, marks: true });
  } catch {
    // Nested deeper than can be read: the words are what matters.
    return plain(text, cite);
  }
}

/** @param {string} text @param {(number: number) => Children} [cite] */
const plain = (text, cite) => html`<p class="as-written">${words(text, cite)}</p>`;

/** @typedef {{ cite: ((number: number) => Children) | undefined, depth: number, marks: boolean }} Where */

/** @param {Node} node @param {Where} where @returns {Children} */
function children(node, where) {
  return [...node.childNodes].map((child) => made(child, where));
}

/** @param {Node} node @param {Where} where @returns {Children} */
function made(node, where) {
  if (node.nodeType === Node.TEXT_NODE) return words(node.nodeValue ?? "", where.marks ? where.cite : undefined);
  if (!(node instanceof Element)) return null;
  const name = node.localName;
  const tag = Object.hasOwn(BECOMES, name) ? BECOMES[name] : null;
  if (tag === null || where.depth > DEEPEST) return words(node.textContent ?? "", where.cite);
  const inside = { ...where, depth: where.depth + 1, marks: where.marks && !["a", "code", "pre"].includes(name) };
  if (tag === "a") return link(node, inside);
  if (tag === "hr" || tag === "br") return h(tag, null);
  if (tag === "ol") return h(tag, { start: Number(node.getAttribute("start") ?? 1) || 1 }, children(node, inside));
  // What is wider than a phone scrolls by itself, with the keyboard too.
  if (tag === "pre") return h(tag, { tabIndex: 0 }, children(node, inside));
  if (tag === "table") return html`<div class="scrolls" tabindex="0">${h(tag, null, children(node, inside))}</div>`;
  return h(tag, null, children(node, inside));
}

/** @param {Element} node @param {Where} where A link says where it leads, whatever its words say. */
function link(node, where) {
  const address = safeAddress(node.getAttribute("href") ?? "");
  const inside = children(node, where);
  if (!address) return html`<span class="no-link">${inside}</span>`;
  const host = address.protocol === "mailto:" ? address.pathname : address.host;
  const said = (node.textContent ?? "").trim().replace(/^(https?:\/\/|mailto:)/, "").replace(/\/$/, "");
  const told = said === host || said === `${host}${address.pathname}${address.search}`.replace(/\/$/, "");
  return html`<a href=${address.href} rel="noopener noreferrer nofollow" target="_blank">${inside}</a>${told
      ? null
      : html`<span class="host"> (${visible(host)})</span>`}`;
}

/** @param {string} text @returns {URL | null} The address, if a link to it may be made. */
export function safeAddress(text) {
  try {
    const address = new URL(text);
    return SCHEMES.includes(address.protocol) && !address.username && !address.password ? address : null;
  } catch {
    return null;
  }
}

/** @param {string} text @param {((number: number) => Children) | undefined} cite @returns {Children} */
function words(text, cite) {
  if (!cite) return visible(text);
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(MARKER)) {
    const mark = cite(Number(match[1]));
    if (!mark) continue;
    // The blank before a marker belongs to it, so that it never starts a line alone.
    parts.push(visible(text.slice(at, match.index).replace(/ $/, "\u00a0")), mark);
    at = match.index + match[0].length;
  }
  return h(Fragment, null, parts, visible(text.slice(at)));
}
