/** Which collections there are, and in which of them to look. */
import { api, withQuery } from "../lib/api.js";
import { stripped } from "../lib/hidden.js";
import { html, signal } from "../lib/ui.js";
import { strings } from "../strings.js";
import { Icon } from "./icons.js";
import { Menu } from "./menu.js";

/** @typedef {{ id: string, name: string, file_counts: { completed: number, total: number } }} Collection */

const PAGE = 100;

/** Those that may be read; undefined until it is known. */
export const collections = signal(/** @type {Collection[] | undefined} */ (undefined));

/** Ask the service for all of them. */
export async function loadCollections() {
  /** @type {Collection[]} */
  const all = [];
  for (let after = ""; ; ) {
    const page = await api.get(withQuery("/v1/vector_stores", { limit: PAGE, order: "asc", after }));
    all.push(...page.data);
    if (!page.has_more) break;
    after = page.last_id;
  }
  collections.value = all;
}

/** @param {Collection} one @returns {string} */
export const nameOf = (one) => stripped(one.name || one.id);

/** @param {{ chosen: string[] | null, onChoose: (chosen: string[] | null) => void }} props Null: all of them. */
export function Collections({ chosen, onChoose }) {
  const all = collections.value ?? [];
  const words = strings.chat;
  if (all.length < 2) return null;
  const some = all.filter((one) => chosen?.includes(one.id));
  const label = !some.length ? words.everywhere : some.length === 1 ? nameOf(some[0]) : words.someOf(some.length);
  /** @param {string} id @param {boolean} on */
  const turn = (id, on) => {
    const left = some.map((one) => one.id).filter((one) => one !== id);
    const now = on ? [...left, id] : left;
    onChoose(now.length ? now : null);
  };
  return html`
    <${Menu} name=${`${words.collections}: ${label}`} kind="button quiet small pick" label=${html`${label} <${Icon} of="down" />`}>
      ${() => html`
        <label class="choice">
          <input type="checkbox" checked=${!some.length} onChange=${() => onChoose(null)} /> ${words.everywhere}
        </label>
        ${all.map(
          (one) => html`<label key=${one.id} class="choice">
            <input
              type="checkbox"
              checked=${some.includes(one)}
              onChange=${(/** @type {Event} */ event) => turn(one.id, /** @type {HTMLInputElement} */ (event.target).checked)}
            />
            <span>${nameOf(one)}</span>
            <span class="faint">${words.documents(one.file_counts.completed)}</span>
          </label>`,
        )}
      `}
    <//>
  `;
}
