/** The health of each part, and what waits to be done. */
import { Badge } from "../../kit/badge.js";
import { count } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/** @type {Record<string, "good" | "bad" | "warn">} */
const KINDS = { ready: "good", loading: "warn", degraded: "warn", draining: "warn" };

/** @param {{ of: import("../overview.js").Overview }} props */
export function Parts({ of }) {
  const words = strings.console.overview.parts;
  // What is not well comes first.
  const parts = [...of.parts].sort((a, b) => Number(a.state === "ready") - Number(b.state === "ready"));
  const idle = of.queues.every((queue) => !queue.waiting);
  return html`
    <h2>${words.title}</h2>
    <ul class="parts">
      ${parts.map(
        (part) => html`<li key=${part.name}>
          <span>${named(words.names, part.name)}</span>
          <${Badge} kind=${KINDS[part.state] ?? "bad"}>${named(words.states, part.state)}<//>
          ${part.detail && html`<span class="faint">${part.detail}</span>`}
        </li>`,
      )}
    </ul>
    <h3><a href=${link(["console", "jobs"])}>${words.queues}</a></h3>
    ${of.workers === 0 && html`<p class="note warn">${words.noWorker}</p>`}
    <p class="faint">
      ${of.workers === null ? "" : words.workers(of.workers)}${" "}
      ${idle ? words.idle : ""}
    </p>
    ${!idle &&
    html`<ul class="parts">
      ${of.queues.map(
        (queue) => html`<li key=${queue.name}>
          <span>${named(words.queueNames, queue.name)}</span>
          <strong>${queue.waiting === null ? "–" : count(queue.waiting)}</strong>
        </li>`,
      )}
    </ul>`}
  `;
}

/** @param {Record<string, string>} words @param {string} name @returns {string} In words, or as it is called. */
const named = (words, name) => words[name] ?? name;
