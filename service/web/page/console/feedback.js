/** What people said about answers: every judgement, the people behind them, and the documents that they miss. */
import { link } from "../lib/router.js";
import { html, names } from "../lib/ui.js";
import { strings } from "./strings.js";
import { List } from "./feedback/list.js";
import { Missing } from "./feedback/missing.js";
import { Replay } from "./feedback/replay.js";
import { Voter, Voters } from "./feedback/voters.js";

const TABS = /** @type {const} */ (["judgements", "voters", "missing"]);

/** @param {{ rest: string[] }} props */
export function Screen({ rest }) {
  const [asked = "judgements", id] = rest;
  const words = strings.console.feedback;
  if (asked === "answer" && id) return html`<${Replay} key=${id} id=${id} />`;
  if (asked === "voters" && id) return html`<${Voter} key=${id} id=${id} />`;
  const tab = TABS.find((one) => one === asked) ?? "judgements";
  return html`
    <header>
      <h1>${strings.console.screens.feedback}</h1>
      <nav class="tabs" aria-label=${strings.console.screens.feedback}>
        ${TABS.map(
          (one) => html`<a
            class=${names("tab", one === tab && "here")}
            aria-current=${one === tab ? "page" : null}
            href=${link(one === "judgements" ? ["console", "feedback"] : ["console", "feedback", one])}
          >
            ${words.tabs[one]}
          </a>`,
        )}
      </nav>
    </header>
    ${tab === "judgements" && html`<${List} />`} ${tab === "voters" && html`<${Voters} />`}
    ${tab === "missing" && html`<${Missing} />`}
  `;
}
