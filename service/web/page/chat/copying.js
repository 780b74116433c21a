/** Answers and conversations as text: to copy, and to keep as a file. */
import { stripped } from "../lib/hidden.js";
import { when } from "../lib/format.js";
import { strings } from "../strings.js";

/** @typedef {import("../lib/conversations.js").Answer} Answer */
/** @typedef {import("../lib/conversations.js").Evidence} Evidence */
/** @typedef {import("../lib/conversations.js").Turn} Turn */

/** @param {Answer} answer @returns {string} Without markers. */
export const asText = (answer) => stripped(answer.text).replace(/[ \u00a0]?\[\d{1,3}\]/g, "");

/** @param {Answer} answer @returns {string} With its markers, and what they stand for. */
export function asMarkdown(answer) {
  const sources = answer.citations.map((one) => sourceLine(one));
  return [stripped(answer.text), ...(sources.length ? [`**${strings.chat.sourcesHeading}**`, sources.join("\n")] : [])].join("\n\n");
}

/** @param {Evidence} source @returns {string} */
function sourceLine(source) {
  const words = strings.chat;
  const name = inline(source.title || source.filepath);
  const page = source.page_start === null ? "" : `, ${words.page(source.page_start, source.page_end)}`;
  const doubt = source.verified === false ? ` (${words.unverified.toLowerCase()})` : "";
  return `- [${source.number}] ${name}${page}${doubt}: “${inline(source.content)}”`;
}

/** @param {string} text @returns {string} On one line, with what Markdown would take for its own kept as it is. */
const inline = (text) => stripped(text).replace(/\s+/g, " ").trim().replace(/[\\`*_[\]<>]/g, "\\$&");

/** @param {string} title @param {Turn[]} turns As they stand in the thread. @returns {string} */
export function conversationAsMarkdown(title, turns) {
  const parts = turns.flatMap((turn) => {
    const answer = turn.answers[turn.shown];
    const question = stripped(turn.question).split("\n").join("\n> ");
    return [`## ${strings.chat.you}, ${when(turn.at)}`, `> ${question}`, told(answer), asMarkdown(answer)];
  });
  return [`# ${inline(title)}`, strings.chat.exported(when(Date.now() / 1000)), ...parts].filter(Boolean).join("\n\n") + "\n";
}

/** @param {Answer} answer @returns {string} What a reader must know of it. */
function told(answer) {
  const words = strings.chat;
  if (answer.state === "stopped") return `*${words.stopped}*`;
  if (answer.state === "failed") return `*${words.failed} ${answer.error?.message ?? ""}*`;
  if (answer.state === "not_found") return `*${words.notFound}*`;
  return "";
}

/** @param {string} title @returns {string} A name of a file, from the title of a conversation. */
export function fileName(title) {
  const name = stripped(title).normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return `${name || "conversation"}.md`;
}
