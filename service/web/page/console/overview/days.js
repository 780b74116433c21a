/** The last thirty days in bars: answers, and below them what people said about them. */
import { count } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";

const HIGH = 96;
const STEP = 20;
const BAR = 14;
const dated = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/** @typedef {import("../overview.js").Day} Day */
/** @typedef {readonly [name: "up" | "down" | "preferences" | "answers", colour: string]} Kind */

/** @type {readonly Kind[]} */
const JUDGED = [["up", "good"], ["down", "bad"], ["preferences", "info"]];
/** @type {readonly Kind[]} */
const ANSWERED = [["answers", "plain"]];

/** @param {{ days: readonly Day[] }} props */
export function Days({ days }) {
  const words = strings.console.overview.days;
  const [tabled, setTabled] = useState(false);
  // They are counted in Redis, and there are none while it is away.
  if (days.length === 0) return html`<h2>${words.title}</h2><p class="faint">${words.none}</p>`;
  return html`
    <header class="row">
      <h2><a href=${link(["console", "feedback"])}>${words.title}</a></h2>
      <span class="spacer"></span>
      <button class="button quiet" aria-pressed=${tabled} onClick=${() => setTabled(!tabled)}>${words.asTable}</button>
    </header>
    ${tabled
      ? html`<${Numbers} days=${days} />`
      : html`<div class="plots">
          <${Bars} days=${days} kinds=${JUDGED} title=${words.judged} />
          <${Bars} days=${days} kinds=${ANSWERED} title=${words.answered} />
        </div>`}
  `;
}

/** @param {Day} day @param {readonly Kind[]} kinds */
const whole = (day, kinds) => kinds.reduce((sum, [name]) => sum + day[name], 0);

/** @param {Day} day @returns {string} */
const dayName = (day) => dated.format(Date.parse(`${day.day}T00:00:00Z`));

/** @param {{ days: readonly Day[], kinds: readonly Kind[], title: string }} props */
function Bars({ days, kinds, title }) {
  const words = strings.console.overview.days;
  const most = Math.max(1, ...days.map((day) => whole(day, kinds)));
  const all = kinds.map(([name]) => /** @type {const} */ ([name, days.reduce((sum, day) => sum + day[name], 0)]));
  const said = words.summary(title, days.length, all.map(([name, total]) => `${count(total)} ${words.kinds[name]}`));
  return html`
    <figure class="bars">
      <figcaption>
        <strong>${title}</strong>
        ${kinds.map(
          ([name, colour], at) => html`<span class="key"
            ><i class=${`swatch ${colour}`}></i>${words.kinds[name]} ${count(all[at][1])}</span
          >`,
        )}
      </figcaption>
      <svg viewBox=${`0 0 ${days.length * STEP} ${HIGH + 4}`} preserveAspectRatio="none" role="img" aria-label=${said}>
        ${days.map((day, at) => {
          let top = HIGH;
          return html`<g key=${day.day}>
            <title>${words.day(dayName(day), kinds.map(([name]) => `${count(day[name])} ${words.kinds[name]}`))}</title>
            <rect class="back" x=${at * STEP} y="0" width=${STEP} height=${HIGH} />
            ${kinds.map(([name, colour]) => {
              const high = (day[name] / most) * HIGH;
              top -= high;
              return high > 0 && html`<rect class=${colour} x=${at * STEP + (STEP - BAR) / 2} y=${top} width=${BAR} height=${high} />`;
            })}
          </g>`;
        })}
        <line x1="0" x2=${days.length * STEP} y1=${HIGH + 0.5} y2=${HIGH + 0.5} />
      </svg>
      <div class="ends faint" aria-hidden="true">
        <span>${dayName(days[0])}</span>
        <span>${words.most(count(most))}</span>
        <span>${words.today}</span>
      </div>
    </figure>
  `;
}

/** The same in numbers. @param {{ days: readonly Day[] }} props */
function Numbers({ days }) {
  const words = strings.console.overview.days;
  const kinds = [...ANSWERED, ...JUDGED];
  return html`
    <div class="numbers" tabindex="0" role="region" aria-label=${words.title}>
      <table>
        <thead>
          <tr>
            <th scope="col">${words.dayHead}</th>
            ${kinds.map(([name]) => html`<th scope="col">${words.kinds[name]}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${[...days].reverse().map(
            (day) => html`<tr key=${day.day}>
              <th scope="row">${dayName(day)}</th>
              ${kinds.map(([name]) => html`<td>${count(day[name])}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}
