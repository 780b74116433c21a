/** The curves of a cycle's training, drawn while it runs: the policy's first, those of the judges behind a fold. */
import { useLoad } from "../../kit/load.js";
import { Plot } from "../../kit/plot.js";
import { api } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { html, useMemo } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { useLive } from "../live.js";

const EVERY_MS = 3000;
/** What most people look at; the rest stands behind "all curves". */
const FIRST = ["loss", "held_out_loss", "kl", "win_rate", "accuracy", "held_out_accuracy"];

/**
 * @typedef {object} Curve
 * @property {string} name
 * @property {string} step
 * @property {string} unit
 * @property {string} x
 * @property {[number, number][]} points
 */

/** @param {{ path: string, going: boolean }} props */
export function Curves({ path, going }) {
  const words = strings.console.cycles;
  const load = useLoad(() => api.get(`${path}/series`), [path]);
  useLive(load, going ? EVERY_MS : 0);
  // What was drawn while it ran goes on being shown until it is over and all is there.
  /** @type {Curve[]} */
  const curves = load.data?.data ?? [];
  const known = curves.filter((one) => one.points.length > 1);
  const first = known.filter((one) => FIRST.includes(one.name));
  const others = known.filter((one) => !FIRST.includes(one.name));
  return html`
    <section class="card stack" aria-label=${words.sections.curves}>
      <h2>${words.sections.curves}</h2>
      ${load.error && html`<p class="failure" role="alert">${said(load.error)}</p>`}
      ${known.length === 0 && !load.error &&
      html`<p class="faint">${load.data === undefined ? strings.loading : going ? words.curvesLater : words.noCurves}</p>`}
      <div class="curves">${first.map((one) => html`<${Drawn} key=${`${one.step} ${one.name}`} curve=${one} />`)}</div>
      ${others.length > 0 &&
      html`<details>
        <summary>${words.otherCurves(others.length)}</summary>
        <div class="curves">${others.map((one) => html`<${Drawn} key=${`${one.step} ${one.name}`} curve=${one} />`)}</div>
      </details>`}
    </section>
  `;
}

/** @param {{ curve: Curve }} props */
function Drawn({ curve }) {
  const words = strings.console.cycles;
  const title = words.curve(named(curve.step, words.steps), named(curve.name, words.curves));
  const last = curve.points[curve.points.length - 1];
  const mark = `${curve.points.length} ${last?.join()}`;
  const x = useMemo(() => curve.points.map(([at]) => at), [mark]);
  const lines = useMemo(() => [{ name: named(curve.name, words.curves), y: curve.points.map(([, value]) => value) }], [mark]);
  return html`<${Plot}
    title=${title}
    xTitle=${named(curve.x, words.along)}
    x=${x}
    lines=${lines}
    ySaid=${(/** @type {number} */ value) => inUnit(value, curve.unit)}
    height=${150}
  />`;
}

/** @param {string} name @param {Record<string, string>} words @returns {string} */
const named = (name, words) => words[name] ?? name.replaceAll("_", " ");

/** @param {number} value @param {string} unit @returns {string} */
function inUnit(value, unit) {
  if (unit === "share") return `${Number((100 * value).toPrecision(3))} %`;
  const text = Math.abs(value) >= 10_000 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return unit && unit !== "nats" ? `${text} ${unit}` : text;
}
