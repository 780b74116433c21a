/**
 * A figure with the interval it is known to, held against a threshold: a small drawing beside the words that say the same.
 */
import { html, names } from "../lib/ui.js";

/**
 * @param {object} props
 * @param {string} props.label The same in words, for a screen reader.
 * @param {number | null} props.value
 * @param {number | null} props.low Null: not known.
 * @param {number | null} props.high
 * @param {number | null} [props.threshold] What it is held against.
 * @param {boolean} [props.below] Whether good is below the threshold.
 * @param {"good" | "bad" | "warn" | "plain"} [props.kind]
 * @param {(value: number) => string} props.said How a value is written.
 */
export function Interval({ label, value, low, high, threshold = null, below = false, kind = "plain", said }) {
  const known = [value, low, high, threshold].filter((one) => typeof one === "number");
  if (value === null || known.length < 2) return null;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const room = (most - least || Math.abs(most) || 1) * 0.15;
  const [start, end] = [least - room, most + room];
  const at = (/** @type {number} */ one) => (100 * (one - start)) / (end - start);
  const [from, to] = [low === null ? 0 : at(low), high === null ? 100 : at(high)];
  const line = threshold === null ? null : at(threshold);
  return html`
    <div class=${names("interval", kind)} role="img" aria-label=${label}>
      <div class="interval-place">
        ${line !== null &&
        html`<i class="interval-good" style=${below ? { left: 0, width: `${line}%` } : { left: `${line}%`, right: 0 }}></i>`}
        <i class="interval-range" style=${{ left: `${from}%`, width: `${Math.max(to - from, 0.5)}%` }}></i>
        <i class="interval-value" style=${{ left: `${at(value)}%` }}></i>
        ${line !== null && html`<i class="interval-threshold" style=${{ left: `${line}%` }}></i>`}
      </div>
      <div class="interval-words" aria-hidden="true">
        ${line !== null && html`<span style=${{ left: `${Math.min(92, Math.max(8, line))}%` }}>${said(threshold ?? 0)}</span>`}
      </div>
    </div>
  `;
}
