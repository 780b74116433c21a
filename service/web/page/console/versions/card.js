/** The rest of a model card: figures, settings, hashes, licences. What programs know of a version, for people who ask. */
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { Section } from "../cycles/one.js";

/** @param {{ whole: import("./known.js").Whole }} props */
export function CardDetails({ whole }) {
  const words = strings.console.versions.card;
  const { card } = whole;
  const parts = /** @type {readonly [string, unknown][]} */ ([
    [words.reward, card.reward],
    [words.metrics, card.metrics],
    [words.config, card.config],
    [words.data, typeof card.data?.used === "number" ? null : card.data],
    [words.environment, card.environment],
    [words.licences, card.licences],
    [words.hashes, card.data_hashes],
    [words.files, whole.files],
  ]).map(([title, value]) => /** @type {const} */ ([title, rows(value)]));
  return html`
    <${Section} title=${words.title}>
      ${(card.limits ?? []).length > 0 &&
      html`<h3>${words.limits}</h3>
        <ul>
          ${(card.limits ?? []).map((one) => html`<li>${one}</li>`)}
        </ul>`}
      ${parts
        .filter(([, found]) => found.length > 0)
        .map(
          ([title, found]) => html`<details key=${title}>
            <summary>${title}</summary>
            <div class="card-rows" tabindex="0" role="region" aria-label=${title}>
              <table class="counted">
                <tbody>
                  ${found.map(
                    ([name, value]) => html`<tr>
                      <th scope="row">${name}</th>
                      <td>${value}</td>
                    </tr>`,
                  )}
                </tbody>
              </table>
            </div>
          </details>`,
        )}
    <//>
  `;
}

/**
 * Everything in a value, a line for each figure.
 *
 * @param {unknown} value
 * @param {string} [name]
 * @returns {[string, string][]}
 */
function rows(value, name = "") {
  if (value === null || value === undefined || value === "") return [];
  if (typeof value === "number") return [[name, Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))]];
  if (typeof value !== "object") return [[name, String(value)]];
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.length ? [[name, value.join("; ")]] : [];
  return Object.entries(value).flatMap(([key, inner]) => rows(inner, name ? `${name} · ${key}` : key));
}
