/** What live votes showed of a version on trial, and what was decided on it. */
import { Badge } from "../../kit/badge.js";
import { Interval } from "../../kit/interval.js";
import { count } from "../../lib/format.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Facts } from "../facts.js";

/**
 * @typedef {object} Decision The watch's; of a move by hand `by` and `reason` alone.
 * @property {string} [by]
 * @property {string} [reason]
 * @property {"promote" | "watch" | "rollback"} [action]
 * @property {{ test: string, log_e: number | null, needed: number, counts: Record<string, number> }} [evidence]
 * @property {{ value: number | null, low: number, high: number }} [net]
 * @property {{ name: string, outcome: "ok" | "failed" | "too_few", why: string }[]} [guards]
 * @property {Record<string, string>} [segments]
 * @property {string} [missing]
 */

/** Beyond that no number says more. */
const MOST_ODDS = 1_000_000;
const GUARDS = /** @type {const} */ ({ ok: "good", failed: "bad", too_few: "plain" });

/** @param {{ evidence: Decision }} props */
export function Evidence({ evidence }) {
  const words = strings.console.cycles.evidence;
  if (evidence.by === "hand") return html`<p>${words.byHand}${evidence.reason && html` <q>${evidence.reason}</q>`}</p>`;
  const { evidence: test, net, guards = [], segments = {} } = evidence;
  return html`
    ${evidence.reason && html`<p class="lead sentence">${evidence.reason}</p>`}
    ${evidence.missing && html`<p class="note">${words.missing(evidence.missing)}</p>`}
    ${test && html`<${Strength} test=${test} />`} ${net && html`<${Net} net=${net} />`}
    ${test && html`<${Votes} counts=${test.counts} />`}
    ${guards.length > 0 &&
    html`<ul class="checks" aria-label=${words.guards}>
      ${guards.map(
        (guard) => html`<li class="check">
          <div class="check-words">
            <p class="row tight">
              <${Badge} kind=${GUARDS[guard.outcome]}>${words.outcomes[guard.outcome]}<//>
              <strong>${words.guardNames[guard.name] ?? guard.name}</strong>
            </p>
            <p class="small">${guard.why}</p>
          </div>
        </li>`,
      )}
    </ul>`}
    ${Object.keys(segments).length > 0 && html`<${Facts} of=${Object.entries(segments)} />`}
  `;
}

/**
 * How strong the evidence is, as odds against what is needed. On the scale of its logarithm, on which votes add up.
 *
 * @param {{ test: NonNullable<Decision["evidence"]> }} props
 */
function Strength({ test }) {
  const words = strings.console.cycles.evidence;
  const [has, needs] = [odds(test.log_e), odds(test.needed)];
  const text = words.strength(words.tests[test.test] ?? test.test, has, needs);
  return html`
    <div class="strength">
      <p class="small">${text}</p>
      <progress max=${test.needed} value=${Math.max(0, Math.min(test.log_e ?? 0, test.needed))} aria-label=${text}></progress>
    </div>
  `;
}

/**
 * @param {number | null} log Natural logarithm; null where nothing speaks for it.
 * @returns {string} "n" of "n to 1".
 */
export function odds(log) {
  const value = log === null ? 0 : Math.exp(log);
  if (value > MOST_ODDS) return strings.console.cycles.evidence.more(count(MOST_ODDS));
  return value >= 10 ? count(Math.round(value)) : value.toFixed(value < 1 ? 2 : 1);
}

/** @param {{ net: NonNullable<Decision["net"]> }} props */
function Net({ net }) {
  const words = strings.console.cycles.evidence;
  if (net.value === null) return null;
  const said = (/** @type {number} */ value) => `${value > 0 ? "+" : ""}${Math.round(100 * value)} %`;
  const text = words.net(said(net.value), said(net.low), said(net.high));
  return html`
    <div>
      <p class="small">${text}</p>
      <${Interval} label=${text} value=${net.value} low=${net.low} high=${net.high} threshold=${0} said=${said} />
    </div>
  `;
}

/** @param {{ counts: Record<string, number> }} props */
function Votes({ counts }) {
  const words = strings.console.cycles.evidence;
  const of = (/** @type {string} */ name) => counts[name] ?? 0;
  return html`
    <${Facts}
      of=${[
        [words.judged, count(of("judged"))],
        [words.voters, count(of("voters"))],
        [words.duels, of("duels") > 0 && words.won(of("won"), of("lost"), of("neither"))],
        [words.thumbs, of("candidate_thumbs") > 0 && words.up(of("candidate_up"), of("candidate_thumbs"))],
        [words.champions, of("champion_thumbs") > 0 && words.up(of("champion_up"), of("champion_thumbs"))],
      ]}
    />
  `;
}
