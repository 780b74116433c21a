/** Runs over the golden set: starting one, how those before went, and how the scores changed from version to version. */
import { Badge } from "../../kit/badge.js";
import { Loaded, useLoad } from "../../kit/load.js";
import { toast } from "../../kit/toast.js";
import { api } from "../../lib/api.js";
import { ago, when } from "../../lib/format.js";
import { link, query } from "../../lib/router.js";
import { said } from "../../lib/said.js";
import { html, useEffect, useId, useRef, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { useLive } from "../live.js";
import { figureName, score } from "./figures.js";
import { Scores } from "./scores.js";

const EVERY_MS = 2000;

/**
 * @typedef {object} EvaluationRun As `GET /v1/evaluation/runs` lists one.
 * @property {string} id
 * @property {string | null} version
 * @property {"waiting" | "running" | "completed" | "failed" | "cancelled"} state
 * @property {number} percent
 * @property {string} reason
 * @property {number} created_at
 * @property {number | null} started_at
 * @property {number | null} finished_at
 * @property {string} golden_sha256
 * @property {number} questions
 * @property {{ name: string, value: number | null, low: number | null, high: number | null, questions: number }[]} figures
 */

const KINDS = /** @type {const} */ ({ waiting: "plain", running: "info", completed: "good", failed: "bad", cancelled: "plain" });

/** @param {{ state: EvaluationRun["state"] }} props */
export const RunState = ({ state }) => html`<${Badge} kind=${KINDS[state]}>${strings.console.evaluation.states[state]}<//>`;

/** @param {{ state: string }} run @returns {boolean} */
export const going = (run) => run.state === "waiting" || run.state === "running";

/**
 * @param {{ golden: import("./golden.js").GoldenSet | undefined, onOver: () => void }} props `onOver`: the runs that went on
 *     are over; what the gate can ask may have changed by them.
 */
export function Runs({ golden, onOver }) {
  const words = strings.console.evaluation;
  const load = useLoad(() => api.get("/v1/evaluation/runs?limit=100"), [golden?.sha256]);
  /** @type {EvaluationRun[]} */
  const runs = load.data?.data ?? [];
  const active = runs.some(going);
  const wasActive = useRef(false);
  useLive(load, active ? EVERY_MS : 0);
  useEffect(() => {
    if (wasActive.current && !active) onOver();
    wasActive.current = active;
  }, [active]);
  return html`
    <section class="card stack" aria-label=${words.runs}>
      <h2>${words.runs}</h2>
      ${golden && golden.source !== "none" && html`<${Start} onStarted=${load.reload} />`}
      <${Loaded} of=${load}>
        ${() => html`
          ${runs.length === 0 && html`<p class="nothing faint">${words.noRuns}</p>`}
          <ul class="bare runs">
            ${runs.map((run) => html`<${Line} key=${run.id} run=${run} same=${run.golden_sha256 === golden?.sha256} />`)}
          </ul>
        `}
      <//>
    </section>
    <${Scores} runs=${runs} sha256=${golden?.sha256 ?? null} />
  `;
}

/** @param {{ onStarted: () => void }} props */
function Start({ onStarted }) {
  const words = strings.console.evaluation;
  const id = useId();
  const versions = useLoad(() => api.get("/v1/versions"), []);
  const [version, setVersion] = useState(query.value.get("version") ?? "");
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    try {
      await api.post("/v1/evaluation/runs", { version: version || null });
      toast(words.started);
      onStarted();
    } catch (error) {
      toast(said(error), "wrong");
    } finally {
      setBusy(false);
    }
  };
  return html`
    <div class="row">
      <label for=${id}>${words.version}</label>
      <select
        id=${id}
        value=${version}
        onChange=${(/** @type {Event} */ event) => setVersion(/** @type {HTMLSelectElement} */ (event.currentTarget).value)}
      >
        <option value="">${words.champion}</option>
        ${(versions.data?.data ?? []).map((/** @type {{ id: string }} */ one) => html`<option value=${one.id}>${one.id}</option>`)}
      </select>
      <button class="button primary" disabled=${busy} onClick=${start}>${words.start}</button>
    </div>
  `;
}

/** @param {{ run: EvaluationRun, same: boolean }} props */
function Line({ run, same }) {
  const words = strings.console.evaluation;
  const [main] = run.figures;
  return html`
    <li>
      <div class="row tight">
        <${RunState} state=${run.state} />
        <a href=${link(["console", "evaluation", run.id])}>${run.version || words.champion}</a>
        <time class="faint small" title=${when(run.created_at)}>${ago(run.created_at)}</time>
        ${!same && html`<${Badge}>${words.otherSet}<//>`}
        <span class="spacer"></span>
        ${main && main.value !== null && html`<span class="small">${figureName(main.name)}: ${score(main.value)}</span>`}
      </div>
      ${run.state === "running" && html`<progress max="100" value=${run.percent} aria-label=${words.progress}></progress>`}
      ${run.reason && html`<p class="small faint">${run.reason}</p>`}
    </li>
  `;
}
