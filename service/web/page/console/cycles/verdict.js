/** What the gate said of a version, check by check: the question, the answer in words, and the figure with its interval. */
import { Badge } from "../../kit/badge.js";
import { Interval } from "../../kit/interval.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/**
 * @typedef {object} Estimate
 * @property {number | null} value
 * @property {number | null} low
 * @property {number | null} high
 * @property {number} n
 * @property {number} confidence
 */
/**
 * @typedef {object} Check
 * @property {string} name
 * @property {"promotion" | "veto"} kind
 * @property {"passed" | "failed" | "too_few" | "absent"} outcome
 * @property {string} why
 * @property {Estimate | null} estimate
 * @property {number | null} threshold
 * @property {boolean} tolerable
 */
/**
 * @typedef {object} Verdict
 * @property {string} candidate
 * @property {string} champion
 * @property {boolean} passed
 * @property {"proven" | "trial" | "refused"} tier
 * @property {string} summary
 * @property {Check[]} checks
 */

const TIERS = /** @type {const} */ ({ proven: "good", trial: "info", refused: "bad" });
/** Where less is better: good is below the threshold. */
const BELOW = /^(length|latency|distance from )/;
const SHARES = /^(win rate|judge|people's own comparisons|segment )/;
const RATIOS = /^(length|latency)$/;
const NATS = /^distance from /;

/** @param {{ verdict: Verdict }} props */
export function Verdict({ verdict }) {
  const words = strings.console.cycles.verdict;
  const asked = verdict.checks.filter((check) => check.outcome !== "absent");
  const ordered = [...asked.filter((check) => !good(check)), ...asked.filter(good)];
  const absent = verdict.checks.filter((check) => check.outcome === "absent");
  const stopped = asked.length - asked.filter(good).length;
  return html`
    <p class="lead">
      <${Badge} kind=${TIERS[verdict.tier]}>${words.tiers[verdict.tier]}<//>
      ${" "}${words.told[verdict.tier]}${" "}${words.score(asked.length - stopped, asked.length)}
    </p>
    <p>
      ${words.against} <a class="version" href=${link(["console", "versions", verdict.champion])}>${verdict.champion}</a>
    </p>
    <ul class="checks">
      ${ordered.map((check) => html`<${One} key=${check.name} check=${check} />`)}
    </ul>
    ${absent.length > 0 &&
    html`<details>
      <summary>${words.absent(absent.length)}</summary>
      <ul class="checks">
        ${absent.map((check) => html`<${One} key=${check.name} check=${check} />`)}
      </ul>
    </details>`}
  `;
}

/** @param {Check} check @returns {boolean} */
const good = (check) => check.outcome === "passed";

/** @param {Check} check @returns {["good" | "bad" | "warn" | "plain", string]} A colour, and the word that says it. */
function outcome(check) {
  const words = strings.console.cycles.verdict.outcomes;
  if (check.outcome === "passed") return ["good", words.passed];
  if (check.outcome === "absent") return ["plain", words.absent];
  if (check.outcome === "too_few") return ["warn", words.too_few];
  return check.tolerable ? ["warn", words.unproven] : ["bad", words.failed];
}

/** @param {{ check: Check }} props */
function One({ check }) {
  const words = strings.console.cycles.verdict;
  const [kind, text] = outcome(check);
  const { estimate } = check;
  const said = (/** @type {number} */ value) => inUnits(check.name, value);
  return html`
    <li class="check">
      <div class="check-words">
        <p class="row tight"><${Badge} kind=${kind}>${text}<//><strong>${question(check.name)}</strong></p>
        <p class="small">${check.why}</p>
      </div>
      ${estimate &&
      estimate.value !== null &&
      html`<${Interval}
        label=${words.interval(
          said(estimate.value),
          estimate.low === null ? words.unknown : said(estimate.low),
          estimate.high === null ? words.unknown : said(estimate.high),
          check.threshold === null ? "" : said(check.threshold),
        )}
        value=${estimate.value}
        low=${estimate.low}
        high=${estimate.high}
        threshold=${check.threshold}
        below=${BELOW.test(check.name)}
        kind=${kind}
        said=${said}
      />`}
    </li>
  `;
}

/** @param {string} name @returns {string} What a check asks, in plain words. */
function question(name) {
  const words = strings.console.cycles.verdict;
  if (name.startsWith("segment ")) return words.segment(name.slice("segment ".length));
  if (name.startsWith("golden set: ")) return words.golden(name.slice("golden set: ".length));
  return words.questions[name] ?? name;
}

/**
 * A figure of the gate as people read it.
 *
 * @param {string} name Of the check.
 * @param {number} value
 * @returns {string}
 */
export function inUnits(name, value) {
  const words = strings.console.cycles.verdict;
  if (SHARES.test(name)) return `${(100 * value).toFixed(1)} %`;
  if (RATIOS.test(name)) return words.times(value.toFixed(2));
  if (NATS.test(name)) return words.nats(value.toFixed(2));
  return words.points(`${value > 0 ? "+" : ""}${(100 * value).toFixed(1)}`);
}
