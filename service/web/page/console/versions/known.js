/** The shapes of versions as the service gives them, and what is read out of them in more than one place. */

/**
 * @typedef {object} Version As `GET /v1/versions` lists one.
 * @property {string} id
 * @property {string} scope
 * @property {string} kind
 * @property {number} number
 * @property {number} created_at
 * @property {string[]} aliases
 * @property {"ok" | "marked" | "failing" | "damaged"} state
 * @property {string} problem
 * @property {string} summary
 * @property {string} base
 * @property {string} method
 * @property {string[]} parents
 * @property {{ tier: "proven" | "trial" | "refused", passed: boolean, summary: string, champion: string } | null} verdict
 * @property {{ at: number, reason: string, who: string }[]} marks
 * @property {boolean} loaded
 * @property {number} share
 * @property {Record<string, number>} live
 * @property {Record<string, Figure>} figures Of the gate, by name.
 */
/** @typedef {{ value: number | null, low: number | null, high: number | null, threshold: number | null }} Figure */
/**
 * @typedef {object} Move
 * @property {number} sequence
 * @property {number} at
 * @property {string} alias
 * @property {string | null} before
 * @property {string | null} after
 * @property {string} who
 * @property {string} why
 * @property {"promote" | "rollback" | "assign"} kind
 * @property {boolean} forced
 * @property {{ test: string, log_e: number | null, needed: number, counts: Record<string, number>, why: string } | null} evidence
 */
/**
 * @typedef {object} Scope What serves somebody, and the moves that led to it, the newest first.
 * @property {string} scope
 * @property {number} sequence
 * @property {string} champion
 * @property {string | null} candidate
 * @property {string | null} before
 * @property {Move[]} moves
 */
/**
 * @typedef {Version & { card: Card, files: Record<string, string>, moves: Move[] }} Whole
 *
 * @typedef {object} Card
 * @property {string} [method]
 * @property {number | null} [seed]
 * @property {Record<string, any>} [config]
 * @property {any} [data] As the data card of its cycle; of the start that ships something else.
 * @property {Record<string, string>} [data_hashes]
 * @property {Record<string, any>} [reward]
 * @property {Record<string, any>} [metrics]
 * @property {import("../cycles/verdict.js").Verdict | null} [verdict]
 * @property {string[]} [limits]
 * @property {Record<string, string>} [licences]
 * @property {Record<string, string>} [environment]
 */
/**
 * @typedef {object} Trials As `GET /v1/trials` gives them.
 * @property {Trial[]} data
 * @property {{ scope: string, champion: string, former: string, began_at: number, decision: { failed?: boolean, reason?: string } }[]} probations
 * @property {{ scope: string, version: string, champion: string | null, became: "promoted" | "rolled_back", by: string, reason: string, at: number | null, decision: import("../cycles/evidence.js").Decision }[]} ended
 *
 * @typedef {object} Trial
 * @property {string} scope
 * @property {string} candidate
 * @property {string} champion
 * @property {number} began_at
 * @property {number | null} news_at
 * @property {import("../cycles/evidence.js").Decision} decision
 */

/** By whom a move was made that nobody made. */
export const WATCH = "watch";

/** @param {Card} card @returns {string | null} The cycle that made the version, where a cycle did. */
export const cycleOf = (card) => /^(cycle_[0-9a-z]+)-/.exec(card.config?.job ?? "")?.[1] ?? null;

/**
 * Why the service would refuse to let a version serve; nothing where it would not.
 *
 * @param {Version} version
 * @param {Scope} scope
 * @param {Trial | undefined} trial Of this version.
 * @returns {("unjudged" | "refused" | "other" | "marked" | "unproven")[]}
 */
export function obstacles(version, scope, trial) {
  const { verdict } = version;
  if (verdict === null) return ["unjudged"];
  /** @type {("unjudged" | "refused" | "other" | "marked" | "unproven")[]} */
  const found = [];
  if (verdict.tier === "refused") found.push("refused");
  if (verdict.champion !== scope.champion) found.push("other");
  if (version.marks.length > 0) found.push("marked");
  if (verdict.tier === "trial" && trial?.decision.action !== "promote") found.push("unproven");
  return found;
}
