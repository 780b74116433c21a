/** Moves by hand: let a version serve, try it, end its trial, bring the one before back. Each asks first. */
import { confirm } from "../../kit/dialog.js";
import { toast } from "../../kit/toast.js";
import { api, ApiError, withQuery } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { may } from "../../lib/session.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { scopeName } from "../scopes.js";
import { obstacles } from "./known.js";

/** @typedef {import("./known.js").Version} Version */
/** @typedef {import("./known.js").Scope} Scope */

/**
 * Make a move and say how it went. What was decided on something that has changed meanwhile is refused and explained.
 *
 * @param {() => Promise<unknown>} move
 * @param {string} done
 * @param {() => void} then Also after a refusal, so that what is shown is how things are.
 */
async function make(move, done, then) {
  try {
    await move();
    toast(done);
  } catch (error) {
    const stale = error instanceof ApiError && error.code === "stale_sequence";
    toast(stale ? strings.console.versions.stale : said(error), "wrong");
  }
  then();
}

/**
 * @param {{ version: Version, scope: Scope, trial?: import("./known.js").Trial, onMoved: () => void }} props
 */
export function Promote({ version, scope, trial, onMoved }) {
  const words = strings.console.versions.promote;
  if (!may("admin") || version.id === scope.champion) return null;
  const promote = () => byForce("promote", version, scope, obstacles(version, scope, trial), words, onMoved);
  return html`<button class="button primary" onClick=${promote}>${words.action}</button>`;
}

/** @param {{ version: Version, scope: Scope, onMoved: () => void }} props */
export function Try({ version, scope, onMoved }) {
  const words = strings.console.versions.tryOut;
  if (!may("admin") || version.id === scope.champion || version.id === scope.candidate) return null;
  const forbidden = obstacles(version, scope, undefined).filter((one) => one !== "other" && one !== "unproven");
  const inTheWay = scope.candidate ? [...forbidden, /** @type {const} */ ("trial")] : forbidden;
  const start = () => byForce("trial", version, scope, inTheWay, words, onMoved);
  return html`<button class="button" onClick=${start}>${words.action}</button>`;
}

/**
 * Ask, with force where something forbids it: then the version's name is typed in, and a reason is given.
 *
 * @param {"promote" | "trial"} way
 * @param {Version} version
 * @param {Scope} scope
 * @param {readonly (keyof typeof strings.console.versions.obstacles)[]} inTheWay
 * @param {{ title: string, action: string, force: string, text: (version: string, scope: string, champion: string) => string, done: (version: string) => string }} words
 * @param {() => void} onMoved
 */
async function byForce(way, version, scope, inTheWay, words, onMoved) {
  const all = strings.console.versions;
  const force = inTheWay.length > 0;
  const plain = words.text(version.id, scopeName(scope.scope), scope.champion);
  const answer = await confirm({
    title: words.title,
    text: force ? `${plain} ${all.forbids} ${inTheWay.map((one) => all.obstacles[one]).join("; ")}. ${all.overrule}` : plain,
    action: force ? words.force : words.action,
    danger: force,
    typed: force ? version.id : undefined,
    reason: force ? all.reasonNeeded : all.reason,
  });
  if (!answer) return;
  const reason = answer.reason.trim();
  if (force && !reason) {
    toast(all.needsReason, "wrong");
    return;
  }
  const body = { reason, force, expected: scope.sequence };
  await make(() => api.post(`/v1/versions/${encodeURIComponent(version.id)}/${way}`, body), words.done(version.id), onMoved);
}

/** @param {{ version: Version, scope: Scope, onMoved: () => void }} props */
export function EndTrial({ version, scope, onMoved }) {
  const words = strings.console.versions.endTrial;
  if (!may("admin") || version.id !== scope.candidate) return null;
  const end = async () => {
    const answer = await confirm({
      title: words.title,
      text: words.text(version.id, scope.champion),
      action: words.action,
      danger: true,
      reason: strings.console.versions.reason,
    });
    if (!answer) return;
    const path = withQuery(`/v1/versions/${encodeURIComponent(version.id)}/trial`, { reason: answer.reason.trim() });
    await make(() => api.delete(path), words.done(version.id), onMoved);
  };
  return html`<button class="button danger" onClick=${end}>${words.action}</button>`;
}

/** @param {{ scope: Scope, onMoved: () => void }} props */
export function RollBack({ scope, onMoved }) {
  const words = strings.console.versions.rollBack;
  const { before } = scope;
  if (!may("admin") || before === null) return null;
  const back = async () => {
    const answer = await confirm({
      title: words.title,
      text: words.text(scope.champion, before, scopeName(scope.scope)),
      action: words.action,
      danger: true,
      reason: strings.console.versions.reason,
    });
    if (!answer) return;
    const body = { scope: scope.scope, reason: answer.reason.trim(), expected: scope.sequence };
    await make(() => api.post("/v1/versions/rollback", body), words.done(before), onMoved);
  };
  return html`<p><button class="button danger" onClick=${back}>${words.to(before)}</button></p>`;
}
