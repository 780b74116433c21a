/** The half of the page for people who ask. */
import { html } from "../lib/ui.js";

export function Chat() {
  return html`<main id="content" class="chat" tabindex="-1"></main>`;
}
