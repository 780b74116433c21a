/** What the gate measured of every version, one figure at a time: a point with its interval for each. */
import { Plot } from "../../kit/plot.js";
import { html, useId, useMemo, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { inUnits } from "../cycles/verdict.js";

/** @param {{ versions: import("./known.js").Version[] }} props */
export function Figures({ versions }) {
  const words = strings.console.versions.figures;
  const id = useId();
  const [asked, setAsked] = useState("win rate");
  const measured = versions
    .filter((one) => Object.values(one.figures).some((figure) => figure.value !== null))
    .sort((a, b) => a.number - b.number);
  const mark = measured.map((one) => one.id).join();
  const figures = [...new Set(measured.flatMap((one) => known(one)))];
  const name = figures.includes(asked) ? asked : figures[0];
  const x = useMemo(() => measured.map((_, at) => at), [mark]);
  const lines = useMemo(() => {
    const of = (/** @type {"value" | "low" | "high" | "threshold"} */ part) => measured.map((one) => one.figures[name]?.[part] ?? null);
    return [{ name: name ?? "", y: of("value"), low: of("low"), high: of("high"), held: of("threshold") }];
  }, [mark, name]);
  if (measured.length === 0) return null;
  return html`
    <section class="card stack" aria-label=${words.title}>
      <div class="row">
        <h2>${words.title}</h2>
        <span class="spacer"></span>
        <label for=${id}>${words.figure}</label>
        <select
          id=${id}
          value=${name}
          onChange=${(/** @type {Event} */ event) => setAsked(/** @type {HTMLSelectElement} */ (event.currentTarget).value)}
        >
          ${figures.map((one) => html`<option value=${one}>${one}</option>`)}
        </select>
      </div>
      <p class="faint small">${words.intro}</p>
      <${Plot}
        title=${name}
        xTitle=${words.version}
        x=${x}
        xSaid=${(/** @type {number} */ at) => short(measured[at]?.id ?? "")}
        lines=${lines}
        ySaid=${(/** @type {number} */ value) => inUnits(name, value)}
        points
        height=${220}
      />
    </section>
  `;
}

/** @param {import("./known.js").Version} version @returns {string[]} */
const known = (version) =>
  Object.entries(version.figures)
    .filter(([, figure]) => figure.value !== null)
    .map(([name]) => name);

/** @param {string} id @returns {string} "v3" for v000003-extractive. */
const short = (id) => id.replace(/^v0*(\d+)-.*$/, "v$1");
