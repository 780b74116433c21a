/** What was learned and what serves: why today's version serves, what is on trial, and every version there is. */
import { html } from "../lib/ui.js";
import { Scopes } from "./versions/scopes.js";
import { One } from "./versions/one.js";

/** @param {{ rest: string[] }} props */
export function Screen({ rest: [id] }) {
  return id ? html`<${One} key=${id} id=${id} />` : html`<${Scopes} />`;
}
