/** Times and numbers as people write them, in the language of the browser. */

/** @typedef {number | null | undefined} Maybe */

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const dated = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const plain = new Intl.NumberFormat();
/** @type {readonly [Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** @param {Maybe} at Seconds since the epoch. @returns {string} "3 minutes ago". */
export function ago(at) {
  if (at === null || at === undefined) return "";
  const passed = at - Date.now() / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(passed) >= length) ?? ["second", 1];
  return relative.format(Math.round(passed / size), unit);
}

/** @param {Maybe} at Seconds since the epoch. @returns {string} The date and time. */
export const when = (at) => (at === null || at === undefined ? "" : dated.format(at * 1000));

/** @param {Maybe} value @returns {string} */
export const count = (value) => (value === null || value === undefined ? "" : plain.format(value));

/** @param {Maybe} share From 0 to 1. @param {number} [digits] @returns {string} */
export const percent = (share, digits = 0) =>
  share === null || share === undefined ? "" : `${(100 * share).toFixed(digits)} %`;

/** @param {Maybe} bytes @returns {string} */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  const step = bytes <= 0 ? 0 : Math.min(4, Math.floor(Math.log(bytes) / Math.log(1024)));
  return `${(bytes / 1024 ** step).toFixed(step ? 1 : 0)} ${["bytes", "KiB", "MiB", "GiB", "TiB"][step]}`;
}

/** @param {Maybe} seconds @returns {string} "2 min 5 s". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
