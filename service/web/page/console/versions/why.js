/**
 * "Why does this version serve?" in sentences, built from the move that put it there, the gate's verdict, what live votes
 * showed, and what it learned from.
 */
import { Loaded, useLoad } from "../../kit/load.js";
import { api } from "../../lib/api.js";
import { ago, count, when } from "../../lib/format.js";
import { link } from "../../lib/router.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { odds } from "../cycles/evidence.js";
import { scopeName } from "../scopes.js";
import { cycleOf, WATCH } from "./known.js";

/** @typedef {import("./known.js").Move} Move */
/** @typedef {import("../../lib/ui.js").Children} Children */

/**
 * @param {object} props
 * @param {import("./known.js").Scope} props.scope
 * @param {import("./known.js").Version[]} props.versions
 * @param {import("./known.js").Trials} props.trials
 */
export function Why({ scope, versions, trials }) {
  const { champion } = scope;
  const load = useLoad(() => api.get(`/v1/versions/${encodeURIComponent(champion)}`), [champion, scope.sequence]);
  return html`
    <${Loaded} of=${load}>
      ${(/** @type {import("./known.js").Whole} */ whole) => html`
        <${Headline} scope=${scope} whole=${whole} />
        <ol class="because">
          ${reasons(scope, whole, versions, trials).map((reason) => html`<li>${reason}</li>`)}
        </ol>
      `}
    <//>
  `;
}

/** @param {{ scope: import("./known.js").Scope, whole: import("./known.js").Whole }} props */
function Headline({ scope, whole }) {
  const words = strings.console.versions.why;
  const move = putThere(scope);
  return html`
    <p class="lead">
      ${named(whole.id)} ${scope.scope === "shared" ? words.servesAll : words.serves(scopeName(scope.scope))}
      ${move && html` <time title=${when(move.at)}>${words.since(ago(move.at))}</time>`}
      ${whole.scope === scope.scope && whole.share < 1 && whole.share > 0 && ` ${words.share(Math.round(100 * whole.share))}`}
    </p>
  `;
}

/** @param {import("./known.js").Scope} scope @returns {Move | undefined} The move by which the champion came to serve. */
const putThere = (scope) => scope.moves.find((move) => move.alias === "champion" && move.after === scope.champion);

/**
 * @param {import("./known.js").Scope} scope
 * @param {import("./known.js").Whole} whole
 * @param {import("./known.js").Version[]} versions
 * @param {import("./known.js").Trials} trials
 * @returns {Children[]}
 */
function reasons(scope, whole, versions, trials) {
  const move = putThere(scope);
  const words = strings.console.versions.why;
  const last = scope.moves.find((one) => one.alias === "champion");
  // What came back by a rollback had been let serve before that, and for a reason.
  const promotion = scope.moves.find((one) => one.kind === "promote" && one.after === scope.champion);
  const earlier = promotion && promotion !== move ? came(promotion, promotion) : [];
  const probation = trials.probations.find((one) => one.scope === scope.scope && one.champion === scope.champion);
  return [
    ...(move === undefined ? start(scope, whole, versions) : came(move, last)),
    ...(move && !promotion && !whole.verdict ? [words.start] : []),
    ...earlier.map((one) => html`${words.earlier} ${one}`),
    ...learned(whole),
    ...gate(whole, promotion),
    ...votes(promotion, trials),
    ...(probation ? [onProbation(probation)] : []),
    ...beside(scope, trials),
  ];
}

/** What was never moved there. @param {import("./known.js").Scope} scope @param {import("./known.js").Whole} whole @param {import("./known.js").Version[]} versions @returns {Children[]} */
function start(scope, whole, versions) {
  const words = strings.console.versions.why;
  if (whole.scope !== scope.scope) return [words.everybodys];
  const others = versions.filter((one) => one.scope === scope.scope && one.id !== whole.id);
  const refused = others.filter((one) => one.verdict?.tier === "refused");
  if (others.length === 0) return [words.start, words.nothingLearned];
  return [words.start, words.noneReplaced(others.length, refused.length)];
}

/** @param {Move} move @param {Move | undefined} last @returns {Children[]} */
function came(move, last) {
  const words = strings.console.versions.why;
  const given = move.why ? html` ${words.reason} <q>${move.why}</q>` : "";
  if (move.kind === "rollback") {
    return [html`${words.rolledBack(who(move))} ${named(move.before)}, ${words.andCame}${given}`];
  }
  const said = [
    html`${words.promoted(who(move))}${move.before && html` ${words.insteadOf} ${named(move.before)}`}.${given}`,
  ];
  if (move.forced) said.push(html`<strong>${words.forced}</strong>`);
  return last && last !== move ? [...said, words.sinceThen] : said;
}

/** @param {import("./known.js").Whole} whole @returns {Children[]} */
function learned(whole) {
  const words = strings.console.versions.why;
  const cycle = cycleOf(whole.card);
  const { data } = whole.card;
  if (!data || typeof data.used !== "number") return [];
  const told = words.learned(count(data.used), count(data.counts?.voters ?? 0));
  return [html`${told}${cycle && html` <a href=${link(["console", "cycles", cycle])}>${words.cycle}</a>`}`];
}

/** @param {import("./known.js").Whole} whole @param {Move | undefined} move @returns {Children[]} */
function gate(whole, move) {
  const words = strings.console.versions.why;
  const { verdict } = whole.card;
  if (!verdict) return move && !move.evidence ? [words.unjudged] : [];
  const asked = verdict.checks.filter((check) => check.outcome !== "absent");
  const passed = asked.filter((check) => check.outcome === "passed").length;
  const win = asked.find((check) => check.kind === "promotion");
  const tier = whole.verdict?.tier ?? verdict.tier;
  return [
    html`${words.gate} ${named(verdict.champion)}: ${words.tiers[tier]}${" "}
      ${words.checks(passed, asked.length)}${win && html` ${words.win} ${win.why}.`}`,
  ];
}

/** @param {Move | undefined} move @param {import("./known.js").Trials} trials @returns {Children[]} */
function votes(move, trials) {
  const words = strings.console.versions.why;
  if (!move) return [];
  const { evidence } = move;
  if (evidence) {
    const { counts } = evidence;
    return [
      words.votes(
        count(counts.judged ?? 0),
        count(counts.voters ?? 0),
        odds(evidence.log_e),
        odds(evidence.needed),
      ),
      ...(counts.duels ? [words.duels(counts.won ?? 0, counts.lost ?? 0, counts.neither ?? 0)] : []),
    ];
  }
  const ended = trials.ended.find((one) => one.version === move.after && one.became === "promoted");
  return ended ? [words.trialEnded] : move.who === WATCH ? [] : [words.noVotes];
}

/** @param {import("./known.js").Trials["probations"][number]} probation @returns {Children} */
function onProbation(probation) {
  const words = strings.console.versions.why;
  const { reason } = probation.decision;
  return html`${words.probation} ${named(probation.former)}.${reason && html` ${words.soFar} ${reason}.`}`;
}

/** @param {import("./known.js").Scope} scope @param {import("./known.js").Trials} trials @returns {Children[]} */
function beside(scope, trials) {
  const words = strings.console.versions.why;
  if (!scope.candidate) return [words.noTrial];
  const decision = trials.data.find((one) => one.scope === scope.scope && one.candidate === scope.candidate)?.decision;
  const missing = decision?.missing;
  return [html`${named(scope.candidate)} ${words.onTrial}${missing && html` ${words.missing} ${missing}.`}`];
}

/** @param {Move} move @returns {string} */
const who = (move) => (move.who === WATCH ? strings.console.versions.why.watch : move.who || strings.console.versions.moves.nobody);

/** @param {string | null} id @returns {Children} */
const named = (id) => id && html`<a class="version" href=${link(["console", "versions", id])}>${id}</a>`;
