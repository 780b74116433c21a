/** Documents: the collections, one of them, and one document in it. */
import { html } from "../lib/ui.js";
import { Collection } from "./documents/collection.js";
import { Collections } from "./documents/collections.js";
import { DocumentScreen } from "./documents/document.js";

/** @param {{ rest: string[] }} props */
export function Screen({ rest: [store, file] }) {
  if (!store) return html`<${Collections} />`;
  if (!file) return html`<${Collection} key=${store} id=${store} />`;
  return html`<${DocumentScreen} key=${`${store} ${file}`} store=${store} id=${file} />`;
}
