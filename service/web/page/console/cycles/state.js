/** How a cycle stands, in a word with a colour. */
import { Badge } from "../../kit/badge.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/** @typedef {"waiting" | "running" | "refused" | "candidate" | "promoted" | "rolled_back" | "failed" | "cancelled"} State */
/**
 * @typedef {object} Cycle As `GET /v1/training/cycles` lists one.
 * @property {string} id
 * @property {string} scope
 * @property {State} state
 * @property {string} reason
 * @property {"schedule" | "operator"} trigger
 * @property {number} created_at
 * @property {number | null} started_at
 * @property {number | null} finished_at
 * @property {number | null} settled_at
 * @property {string} step
 * @property {number} progress
 * @property {{ name: string, started_at: number, finished_at: number | null, note: string }[]} steps
 * @property {number} attempts
 * @property {import("./verdict.js").Verdict | null} verdict
 * @property {string | null} version
 * @property {Record<string, any>} counts
 * @property {Record<string, any> | null} evidence
 */

const KINDS = /** @type {const} */ ({
  waiting: "plain",
  running: "info",
  refused: "warn",
  candidate: "info",
  promoted: "good",
  rolled_back: "warn",
  failed: "bad",
  cancelled: "plain",
});

/** @param {{ state: State }} props */
export const CycleState = ({ state }) =>
  html`<${Badge} kind=${KINDS[state]}>${strings.console.cycles.states[state]}<//>`;

/** @param {{ state: State }} cycle @returns {boolean} Whether its work goes on. */
export const unfinished = (cycle) => cycle.state === "waiting" || cycle.state === "running";
