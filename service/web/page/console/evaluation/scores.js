/** The scores of each version on the golden set as it is now: its newest run, one figure at a time. */
import { Plot } from "../../kit/plot.js";
import { html, useId, useMemo, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { figureName, score } from "./figures.js";

/** @param {{ runs: import("./runs.js").EvaluationRun[], sha256: string | null }} props The newest first. */
export function Scores({ runs, sha256 }) {
  const words = strings.console.evaluation;
  const id = useId();
  const [asked, setAsked] = useState("");
  /** @type {Map<string, import("./runs.js").EvaluationRun>} */
  const newest = new Map();
  for (const run of runs) {
    if (run.state === "completed" && run.version && run.golden_sha256 === sha256 && !newest.has(run.version)) newest.set(run.version, run);
  }
  const shown = [...newest.values()].sort((a, b) => (a.version ?? "").localeCompare(b.version ?? "", undefined, { numeric: true }));
  const mark = shown.map((one) => one.id).join();
  const names = [...new Set(shown.flatMap((run) => run.figures.map((figure) => figure.name)))];
  const name = names.includes(asked) ? asked : names[0];
  const x = useMemo(() => shown.map((_, at) => at), [mark]);
  const lines = useMemo(() => {
    const of = (/** @type {"value" | "low" | "high"} */ part) =>
      shown.map((run) => run.figures.find((figure) => figure.name === name)?.[part] ?? null);
    return [{ name: figureName(name ?? ""), y: of("value"), low: of("low"), high: of("high") }];
  }, [mark, name]);
  if (shown.length === 0 || !name) return null;
  return html`
    <section class="card stack" aria-label=${words.scores}>
      <div class="row">
        <h2>${words.scores}</h2>
        <span class="spacer"></span>
        <label for=${id}>${strings.console.versions.figures.figure}</label>
        <select
          id=${id}
          value=${name}
          onChange=${(/** @type {Event} */ event) => setAsked(/** @type {HTMLSelectElement} */ (event.currentTarget).value)}
        >
          ${names.map((one) => html`<option value=${one}>${figureName(one)}</option>`)}
        </select>
      </div>
      <${Plot}
        title=${figureName(name)}
        xTitle=${strings.console.versions.figures.version}
        x=${x}
        xSaid=${(/** @type {number} */ at) => (shown[at]?.version ?? "").replace(/^v0*(\d+)-.*$/, "v$1")}
        lines=${lines}
        ySaid=${score}
        points
        height=${220}
      />
    </section>
  `;
}
