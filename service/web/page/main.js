/** The start of the page: who is signed in, and which of its two halves is shown. */
import { Toasts } from "./kit/toast.js";
import { Frame } from "./frame.js";
import { begin, session } from "./lib/session.js";
import { applyTheme } from "./lib/theme.js";
import { html, render, signal } from "./lib/ui.js";
import { SignIn } from "./signin.js";
import { strings } from "./strings.js";

const problem = signal("");

function Page() {
  if (session.value === undefined) return html`<p class="page-wait" role="status">${strings.loading}</p>`;
  return html`
    ${session.value === null ? html`<${SignIn} problem=${problem.value} />` : html`<${Frame} />`}
    <${Toasts} />
  `;
}

applyTheme();
begin().catch(() => {
  problem.value = strings.signIn.spent;
});
const root = document.getElementById("page");
if (root) render(html`<${Page} />`, root);
