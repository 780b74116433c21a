/** One answer as it was given: the conversation, the passages it was shown, what it said, and what people said of it. */
import { Badge } from "../../kit/badge.js";
import { Heading } from "../../kit/crumbs.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { api } from "../../lib/api.js";
import { when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Judgements } from "./judgements.js";
import { Passages } from "./passages.js";
import { shortName } from "./said.js";

/**
 * @typedef {object} Answer As `GET /v1/answers/{id}` gives it.
 * @property {string} id
 * @property {number} created_at
 * @property {string} version
 * @property {string} voter Who asked.
 * @property {string | null} segment
 * @property {string} question
 * @property {string | null} intent The question made self-contained, where it was not.
 * @property {{ role: string, content: string }[]} history
 * @property {import("./passages.js").Passage[]} passages
 * @property {string} text
 * @property {boolean} abstained
 * @property {import("./passages.js").Citation[]} citations
 * @property {number | null} latency_ms
 * @property {string | null} pair The other answer that was shown beside it.
 * @property {import("./judgements.js").OnAnswer[]} judgements
 */

/** @param {{ id: string }} props */
export function Replay({ id }) {
  const words = strings.console.feedback;
  const answer = useLoad(() => api.get(`/v1/answers/${encodeURIComponent(id)}`), [id]);
  return html`
    <${Heading} title=${words.replay.title} up=${[[strings.console.screens.feedback, link(["console", "feedback"])]]} />
    <${Loaded} of=${answer}>
      ${(/** @type {Answer} */ found) => html`
        <div class="replay">
          <section class="stack" aria-label=${words.replay.conversation}>
            <${About} answer=${found} />
            <ol class="said-turns">
              ${found.history.map((turn) => html`<${Turn} role=${turn.role} text=${turn.content} />`)}
              <${Turn} role="user" text=${found.question} />
              <${Turn} role="assistant" text=${found.text} here />
            </ol>
            ${found.intent && html`<p class="small faint">${words.replay.understood} <q>${found.intent}</q></p>`}
            <h2>${words.replay.judgements(found.judgements.length)}</h2>
            <${Judgements} of=${found.judgements} />
          </section>
          <section class="stack">
            <h2>${words.replay.passages(found.passages.length)}</h2>
            <${Passages} passages=${found.passages} citations=${found.citations} judgements=${found.judgements} />
          </section>
        </div>
      `}
    <//>
  `;
}

/** @param {{ answer: Answer }} props */
function About({ answer }) {
  const words = strings.console.feedback;
  return html`
    <p class="row tight">
      <a href=${link(["console", "versions", answer.version])}>${answer.version}</a>
      <a href=${link(["console", "feedback", "voters", answer.voter])} title=${answer.voter}>${shortName(answer.voter)}</a>
      ${answer.abstained && html`<${Badge} kind="warn">${words.replay.abstained}<//>`}
      ${answer.segment && html`<${Badge}>${answer.segment}<//>`}
      <time class="faint">${when(answer.created_at)}</time>
      ${answer.latency_ms !== null && html`<span class="faint">${words.replay.took(Math.round(answer.latency_ms))}</span>`}
    </p>
    ${answer.pair &&
    html`<p><a href=${link(["console", "feedback", "answer", answer.pair])}>${words.replay.pair}</a></p>`}
  `;
}

/** @param {{ role: string, text: string, here?: boolean }} props */
function Turn({ role, text, here = false }) {
  const words = strings.console.feedback.replay.roles;
  return html`
    <li class=${`said-turn ${role} ${here ? "here" : ""}`}>
      <span class="said-who">${/** @type {Record<string, string>} */ (words)[role] ?? role}</span>
      <div class="said-text">${text}</div>
    </li>
  `;
}
