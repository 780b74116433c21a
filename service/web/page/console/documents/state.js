/** How a document is: its stage and percent while it is ingested, then ready, or failed and why. */
import { Badge } from "../../kit/badge.js";
import { toast } from "../../kit/toast.js";
import { api } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { filesPath } from "./following.js";

/** @typedef {import("./shapes.js").Doc} Doc */

/** @param {{ of: Pick<Doc, "status" | "stage" | "percent" | "last_error" | "filename"> }} props */
export function State({ of }) {
  const words = strings.console.documents;
  if (of.status === "completed") return html`<${Badge} kind="good">${words.status.completed}<//>`;
  if (of.status === "cancelled") return html`<${Badge}>${words.status.cancelled}<//>`;
  if (of.status === "failed") {
    const why = of.last_error ? (words.reasons[of.last_error.reason] ?? of.last_error.reason) : "";
    return html`<${Badge} kind="bad">${words.status.failed}<//> <span class="why" title=${of.last_error?.message}>${why}</span>`;
  }
  return html`<span class="staged">
    <span>${words.stages[of.stage] ?? of.stage}</span>
    ${of.stage !== "queued" &&
    html`<progress aria-label=${of.filename} max="100" value=${of.percent}></progress><span class="percent">${of.percent} %</span>`}
  </span>`;
}

/**
 * Ingest it again, from the file that is there.
 *
 * @param {Doc} doc
 * @returns {Promise<Doc | null>} Null when that could not be asked for; the reason was said.
 */
export async function ingestAgain(doc) {
  try {
    return await api.post(filesPath(doc.vector_store_id), { file_id: doc.id });
  } catch (error) {
    toast(said(error), "wrong");
    return null;
  }
}
