import { html } from "../lib/ui.js";
import { strings } from "../strings.js";

export function Screen() {
  return html`<h1>${strings.console.screens.jobs}</h1>`;
}
