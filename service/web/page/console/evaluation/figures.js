/** The figures of a run, each with the interval it is known to. */
import { Interval } from "../../kit/interval.js";
import { count } from "../../lib/format.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/** @param {number} value @returns {string} */
export const score = (value) => `${(100 * value).toFixed(1)} %`;

/** @param {string} name @returns {string} Of a figure, as people call it. */
export const figureName = (name) => strings.console.evaluation.names[name] ?? name.replaceAll("_", " ");

/** @param {{ of: import("./runs.js").EvaluationRun["figures"] }} props */
export function FiguresTable({ of }) {
  const words = strings.console.evaluation;
  return html`
    <ul class="checks">
      ${of.map(
        (figure) => html`<li class="check" key=${figure.name}>
          <div class="check-words">
            <p><strong>${figureName(figure.name)}</strong></p>
            <p class="small">
              ${figure.value === null ? words.unknown : said(figure)}${" "}
              <span class="faint">${words.on(count(figure.questions))}</span>
            </p>
          </div>
          ${figure.value !== null &&
          html`<${Interval} label=${said(figure)} value=${figure.value} low=${figure.low} high=${figure.high} said=${score} />`}
        </li>`,
      )}
    </ul>
  `;
}

/** @param {{ value: number | null, low: number | null, high: number | null }} figure @returns {string} */
function said({ value, low, high }) {
  const text = score(value ?? 0);
  return low === null || high === null ? text : `${text} (${strings.plot.between(score(low), score(high))})`;
}
