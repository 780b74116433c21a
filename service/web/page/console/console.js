/** The half of the page for people who run the service: its screens, each loaded when it is first looked at. */
import { link, place } from "../lib/router.js";
import { may } from "../lib/session.js";
import { html, names, useEffect, useState } from "../lib/ui.js";
import { strings } from "./strings.js";

/** @type {readonly [name: string, role: "operator" | "admin", load: () => Promise<{ Screen: any }>][]} */
const SCREENS = [
  ["overview", "operator", () => import("./overview.js")],
  ["documents", "operator", () => import("./documents.js")],
  ["jobs", "operator", () => import("./jobs.js")],
  ["feedback", "operator", () => import("./feedback.js")],
  ["cycles", "operator", () => import("./cycles.js")],
  ["versions", "operator", () => import("./versions.js")],
  ["evaluation", "operator", () => import("./evaluation.js")],
  ["keys", "admin", () => import("./keys.js")],
  ["settings", "admin", () => import("./settings.js")],
];

export function Console() {
  useStyles();
  const allowed = SCREENS.filter(([, role]) => may(role));
  const [, asked, ...rest] = place.value;
  const [name, , load] = allowed.find(([one]) => one === asked) ?? allowed[0];
  const words = strings.console.screens;
  return html`
    <div class="console">
      <nav class="console-nav" aria-label=${strings.frame.console}>
        ${allowed.map(
          ([one]) => html`<a
            class=${names("tab", one === name && "here")}
            aria-current=${one === name ? "page" : null}
            href=${link(["console", one])}
          >
            ${words[/** @type {keyof typeof words} */ (one)]}
          </a>`,
        )}
      </nav>
      <main id="content" class="console-screen" tabindex="-1">
        <${Lazy} key=${name} load=${load} rest=${rest} />
      </main>
    </div>
  `;
}

/** @param {{ load: () => Promise<{ Screen: any }>, rest: string[] }} props A screen gets `rest`: what follows its name. */
function Lazy({ load, rest }) {
  const [Screen, setScreen] = useState(/** @type {any} */ (null));
  useEffect(() => {
    load().then((module) => setScreen(() => module.Screen));
  }, []);
  return Screen ? html`<${Screen} rest=${rest} />` : html`<p class="page-wait" role="status">${strings.loading}</p>`;
}

/** The console's styles, which people who only ask never load. */
function useStyles() {
  useEffect(() => {
    if (document.querySelector("link[data-console]")) return;
    for (const file of ["kit/table.css", "console/console.css", "console/running.css", "console/learning.css"]) {
      const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/page/${file}` });
      style.dataset.console = "";
      document.head.append(style);
    }
  }, []);
}
