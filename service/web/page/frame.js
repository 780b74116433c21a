/** What stands around every screen: the way between chat and console, the theme, and the way out. */
import { Chat } from "./chat/chat.js";
import { later } from "./kit/later.js";
import { link, place } from "./lib/router.js";
import { may, session, signOut } from "./lib/session.js";
import { theme } from "./lib/theme.js";
import { html, names } from "./lib/ui.js";
import { strings } from "./strings.js";

/** People who only ask never load it. */
const Console = later(() => import("./console/console.js").then((file) => file.Console), { waiting: true });

export function Frame() {
  const inConsole = place.value[0] === "console" && may("operator");
  const words = strings.frame;
  return html`
    <a class="skip" href="#content" onClick=${skip}>${strings.skip}</a>
    <header class="frame">
      <a class="brand" href=${link([])}><img src="/page/icon.svg" alt="" width="22" height="22" /> ${strings.product}</a>
      <nav aria-label=${strings.product}>
        <a class=${names("tab", !inConsole && "here")} aria-current=${inConsole ? null : "page"} href=${link([])}>
          ${words.chat}
        </a>
        ${may("operator") &&
        html`<a
          class=${names("tab", inConsole && "here")}
          aria-current=${inConsole ? "page" : null}
          href=${link(["console"])}
        >
          ${words.console}
        </a>`}
      </nav>
      <span class="spacer"></span>
      <label class="theme">
        <span class="unseen">${words.theme}</span>
        <select value=${theme.value} onChange=${choose}>
          ${Object.entries(words.themes).map(([value, name]) => html`<option value=${value}>${name}</option>`)}
        </select>
      </label>
      <button class="button quiet" title=${session.value?.name} onClick=${signOut}>${words.signOut}</button>
    </header>
    ${inConsole ? html`<${Console} />` : html`<${Chat} />`}
  `;
}

/** @param {Event} event */
function choose(event) {
  theme.value = /** @type {any} */ (/** @type {HTMLSelectElement} */ (event.currentTarget).value);
}

/** @param {MouseEvent} event The address behind `#` is the router's, so the jump is made here. */
function skip(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
