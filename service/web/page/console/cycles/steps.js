/** The steps of a cycle: what is done, what is being done, and what each said at its end. */
import { duration, percent } from "../../lib/format.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { unfinished } from "./state.js";

/** @param {{ cycle: import("./state.js").Cycle }} props */
export function Steps({ cycle }) {
  const words = strings.console.cycles;
  if (cycle.steps.length === 0) return html`<p class="faint">${unfinished(cycle) ? words.notBegun : words.noSteps}</p>`;
  return html`
    <ol class="cycle-steps">
      ${cycle.steps.map((step) => {
        const done = step.finished_at !== null;
        const here = !done && unfinished(cycle);
        return html`<li class=${done ? "done" : here ? "here" : "stopped"} key=${step.name}>
          <span class="step-name">
            ${/** @type {Record<string, string>} */ (words.steps)[step.name] ?? step.name}
            <span class="unseen">${" "}${done ? words.stepDone : here ? words.stepHere : words.stepStopped}</span>
          </span>
          <span class="step-time faint">${step.finished_at !== null && duration(step.finished_at - step.started_at)}</span>
          ${step.note && html`<span class="step-note">${step.note}</span>`}
          ${here &&
          html`<span class="step-note row tight">
            <progress max="1" value=${cycle.progress} aria-label=${words.progress}></progress>${percent(cycle.progress)}
          </span>`}
        </li>`;
      })}
    </ol>
  `;
}
