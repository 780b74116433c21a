/** A state in one word. Its colour only repeats what the word says. */
import { html } from "../lib/ui.js";

/** @param {{ kind?: "good" | "bad" | "warn" | "info" | "plain", children?: import("../lib/ui.js").Children }} props */
export function Badge({ kind = "plain", children }) {
  return html`<span class=${`badge ${kind}`}>${children}</span>`;
}
