/** The half of the page for people who run the service: its screens, each loaded when it is first looked at. */
import { later } from "../kit/later.js";
import { link, place } from "../lib/router.js";
import { may } from "../lib/session.js";
import { html, names, useEffect, useLayoutEffect, useRef } from "../lib/ui.js";
import { strings } from "./strings.js";

/** @param {() => Promise<{ Screen: any }>} load A screen gets `rest`: what follows its name in the address. */
const screen = (load) => later(() => load().then((file) => file.Screen), { waiting: true });

/** @type {readonly [name: string, role: "operator" | "admin", Screen: (props: any) => any][]} */
const SCREENS = [
  ["overview", "operator", screen(() => import("./overview.js"))],
  ["documents", "operator", screen(() => import("./documents.js"))],
  ["jobs", "operator", screen(() => import("./jobs.js"))],
  ["feedback", "operator", screen(() => import("./feedback.js"))],
  ["cycles", "operator", screen(() => import("./cycles.js"))],
  ["versions", "operator", screen(() => import("./versions.js"))],
  ["evaluation", "operator", screen(() => import("./evaluation.js"))],
  ["keys", "admin", screen(() => import("./keys.js"))],
  ["settings", "admin", screen(() => import("./settings.js"))],
];

export function Console() {
  useStyles();
  const allowed = SCREENS.filter(([, role]) => may(role));
  const [, asked, ...rest] = place.value;
  const [name, , Screen] = allowed.find(([one]) => one === asked) ?? allowed[0];
  const words = strings.console.screens;
  const tabs = useRef(/** @type {HTMLElement | null} */ (null));
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    document.title = `${words[/** @type {keyof typeof words} */ (name)]} · ${strings.product}`;
    if (!tabs.current) return;
    // On a phone the tabs are wider than the screen; they also change their size when the styles arrive.
    const resized = new ResizeObserver(([nav]) =>
      nav.target.querySelector(".here")?.scrollIntoView({ block: "nearest", inline: "nearest" }),
    );
    resized.observe(tabs.current);
    return () => resized.disconnect();
  }, [name]);
  useEffect(
    () => () => {
      document.title = strings.product;
    },
    [],
  );
  useLayoutEffect(() => {
    if (main.current) main.current.scrollTop = 0;
  }, [place.value.join("/")]);
  return html`
    <div class="console">
      <nav ref=${tabs} class="console-nav" aria-label=${strings.frame.console}>
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
      <main ref=${main} id="content" class="console-screen" tabindex="-1">
        <${Screen} key=${name} rest=${rest} />
      </main>
    </div>
  `;
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
