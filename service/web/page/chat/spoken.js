/** What a screen reader is told: once that an answer is on its way, once what it says. Never a piece at a time. */
import { findTurn, opened } from "../lib/conversations.js";
import { signal } from "../lib/ui.js";
import { strings } from "../strings.js";

const LONGEST = 600;

export const spoken = signal("");

/** @param {string} turn @param {string} text Said when the conversation of the turn is open. */
export function heard(turn, text) {
  if (findTurn(turn)?.conversation === opened.value) spoken.value = text;
}

/** @param {import("../lib/conversations.js").Answer} answer @returns {string} All of a short answer, the start of a long one. */
export function summary({ state, text, citations, error }) {
  const words = strings.chat;
  if (state === "failed") return `${words.failed} ${error?.message ?? ""}`;
  if (state === "stopped") return words.stopped;
  const sources = new Set(citations.map((one) => one.number)).size;
  const plain = text.replace(/\[\d{1,3}\]|[*_`#>|]/g, "").replace(/\s+/g, " ").trim();
  const start = plain.length > LONGEST ? `${plain.slice(0, LONGEST).replace(/\s\S*$/, "")} …` : plain;
  const note = state === "not_found" ? words.notFound : sources ? words.sources(sources) : words.unsupported;
  return `${words.answer}: ${start} (${note})`;
}
