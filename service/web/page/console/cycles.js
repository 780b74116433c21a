/** What is learned from what people say: every cycle with its steps, its figures, and the gate's verdict. */
import { html } from "../lib/ui.js";
import { List } from "./cycles/list.js";
import { One } from "./cycles/one.js";

/** @param {{ rest: string[] }} props */
export function Screen({ rest: [id] }) {
  return id ? html`<${One} key=${id} id=${id} />` : html`<${List} />`;
}
