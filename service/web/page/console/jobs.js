/** What works in the background: ingestions and cycles, and one of them with its log. */
import { html } from "../lib/ui.js";
import { JobScreen } from "./jobs/job.js";
import { Jobs } from "./jobs/list.js";

/** @param {{ rest: string[] }} props */
export function Screen({ rest: [id] }) {
  return id ? html`<${JobScreen} key=${id} id=${id} />` : html`<${Jobs} />`;
}
