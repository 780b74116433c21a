/** What is shown of the feedback log. The filters stand in the address, so that a view can be sent to somebody. */
import { useLoad } from "../../kit/load.js";
import { api } from "../../lib/api.js";
import { go, link, query } from "../../lib/router.js";
import { html, useId } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { reasonSaid } from "./said.js";

const NAMES = ["kind", "rating", "reason", "version", "segment", "voter", "since", "until", "history"];
const RATINGS = ["up", "down", "none", "withdrawn", "first", "second", "tie", "both_bad", "ranked"];
const DAY_S = 86_400;

/** @typedef {Record<string, string>} Asked What is asked for, by name; dates as `2026-11-21`. */

/** @returns {Asked} What the address asks for. */
export const asked = () =>
  Object.fromEntries(NAMES.map((name) => [name, query.value.get(name) ?? ""]).filter(([, value]) => value));

/**
 * The same as the service takes it: dates are days here, and a day includes its end.
 *
 * @param {Asked} wanted
 * @returns {Record<string, string | number>}
 */
export function asQuery({ since, until, ...others }) {
  const from = seconds(since);
  const to = seconds(until);
  return { ...others, ...(from === null ? {} : { since: from }), ...(to === null ? {} : { until: to + DAY_S }) };
}

/** @param {string | undefined} day @returns {number | null} When it begins where the browser is. */
function seconds(day) {
  const at = day ? Date.parse(`${day}T00:00`) : NaN;
  return Number.isNaN(at) ? null : at / 1000;
}

/** @param {Asked} wanted */
const show = (wanted) => go(link(["console", "feedback"], wanted), { replace: true });

export function Filters() {
  const words = strings.console.feedback;
  const wanted = asked();
  const id = useId();
  const versions = useLoad(() => api.get("/v1/versions"), []);
  const set = (/** @type {string} */ name) => (/** @type {Event} */ event) => {
    const field = /** @type {HTMLInputElement} */ (event.currentTarget);
    show({ ...wanted, [name]: field.type === "checkbox" ? (field.checked ? "true" : "") : field.value.trim() });
  };
  const field = (/** @type {string} */ name, /** @type {any} */ input) => html`
    <div class="field"><label for=${`${id}-${name}`}>${/** @type {any} */ (words.filters)[name]}</label>${input}</div>
  `;
  const choice = (/** @type {string} */ name, /** @type {readonly [string, string][]} */ options) =>
    field(
      name,
      html`<select id=${`${id}-${name}`} value=${wanted[name] ?? ""} onChange=${set(name)}>
        <option value="">${words.all}</option>
        ${options.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
      </select>`,
    );
  const text = (/** @type {string} */ name, type = "text", /** @type {string | undefined} */ list = undefined) =>
    field(
      name,
      html`<input id=${`${id}-${name}`} type=${type} list=${list} value=${wanted[name] ?? ""} onChange=${set(name)} />`,
    );
  const open = Object.keys(wanted).length > 0;
  return html`
    <details class="filters card" open=${open}>
      <summary>${words.filter}${open && html` <span class="faint">${words.filtered(Object.keys(wanted).length)}</span>`}</summary>
      <form class="fields" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        ${choice("kind", Object.entries(words.kinds))}
        ${choice("rating", RATINGS.map((one) => [one, /** @type {any} */ (words.ratings)[one]]))}
        ${choice("reason", Object.keys(strings.votes.reasons).map((one) => [one, reasonSaid(one)]))}
        ${text("version", "text", `${id}-versions`)} ${text("segment")} ${text("voter")} ${text("since", "date")}
        ${text("until", "date")}
        <label class="check">
          <input type="checkbox" checked=${wanted.history === "true"} onChange=${set("history")} /> ${words.history}
        </label>
        ${open && html`<button type="button" class="button" onClick=${() => show({})}>${words.clear}</button>`}
      </form>
      <datalist id=${`${id}-versions`}>
        ${(versions.data?.data ?? []).map((/** @type {any} */ one) => html`<option value=${one.id}></option>`)}
      </datalist>
    </details>
  `;
}
