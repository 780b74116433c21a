/** The settings in force: grouped, secrets masked, those that were changed marked. */
import { Badge } from "../kit/badge.js";
import { Heading } from "../kit/crumbs.js";
import { Loaded, useLoad } from "../kit/load.js";
import { api } from "../lib/api.js";
import { html, names, useState } from "../lib/ui.js";
import { strings } from "./strings.js";

/**
 * @typedef {object} Setting
 * @property {string} name
 * @property {string} env
 * @property {string} value
 * @property {string} default
 * @property {boolean} changed
 * @property {string} description
 * @property {boolean} masked
 */

/** How the names of each group begin; the first that fits takes it. @type {readonly [keyof typeof strings.console.settings.groups, RegExp][]} */
const GROUPS = [
  ["privacy", /^(consent_|redact|retention_|training_keep_)/],
  ["keeping", /^(journal|archive_)/],
  ["trials", /^(canary_|pair_|trial_|watch_|probation_)/],
  ["learning", /^(learn|train_|golden_|catalog_here|quarantine_)/],
  ["search", /^(embed|encoder_|index|milvus_|passages_)/],
  ["answers", /^(policy|extractive_|max_answer_|abstain_|causal_|device|remote_|version_|pinned_|best_of|chat_)/],
  ["documents", /^(max_upload_|max_pages|parse_|ingest_|sweep_)/],
  ["limits", /^(requests_|votes_|max_body_)/],
  ["redis", /^redis_/],
  ["service", /^/],
];
const ORDER = /** @type {const} */ (["service", "limits", "documents", "search", "answers", "learning", "trials", "privacy", "keeping", "redis"]);

export function Screen() {
  const words = strings.console.settings;
  const [sought, setSought] = useState("");
  const [changed, setChanged] = useState(false);
  const settings = useLoad(async () => /** @type {Setting[]} */ ((await api.get("/v1/settings")).data), []);
  const text = sought.trim().toLowerCase();
  /** @param {Setting} one */
  const fits = (one) =>
    (!changed || one.changed) &&
    (!text || [one.env, one.name, one.description, one.value].some((part) => String(part).toLowerCase().includes(text)));
  return html`
    <${Heading} title=${strings.console.screens.settings} />
    <p class="faint">${words.intro}</p>
    <${Loaded} of=${settings}>
      ${(/** @type {Setting[]} */ all) => html`
        <div class="row filters" role="search">
          <input
            type="search"
            class="grows"
            aria-label=${words.find}
            placeholder=${words.find}
            value=${sought}
            onInput=${(/** @type {any} */ event) => setSought(event.target.value)}
          />
          <label>
            <input type="checkbox" checked=${changed} onChange=${(/** @type {any} */ event) => setChanged(event.currentTarget.checked)} />
            ${" "}${words.onlyChanged(all.filter((one) => one.changed).length)}
          </label>
        </div>
        <p class="unseen" role="status">${words.found(all.filter(fits).length)}</p>
        <${Groups} of=${all.filter(fits)} />
      `}
    <//>
  `;
}

/** @param {Setting} one */
const groupOf = (one) => GROUPS.find(([, begins]) => begins.test(one.name))?.[0];

/** @param {{ of: Setting[] }} props */
function Groups({ of }) {
  const words = strings.console.settings;
  if (of.length === 0) return html`<p class="table-empty faint">${words.none}</p>`;
  return ORDER.map((group) => /** @type {const} */ ([group, of.filter((one) => groupOf(one) === group)]))
    .filter(([, settings]) => settings.length > 0)
    .map(
      ([group, settings]) => html`
        <section key=${group} class="card tile" aria-label=${words.groups[group]}>
          <h2>${words.groups[group]}</h2>
          <dl class="settings">${settings.map((one) => html`<${One} key=${one.name} of=${one} />`)}</dl>
        </section>
      `,
    );
}

/** @param {string} text What stands between backticks in it is code. */
const described = (text) => text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));

/** @param {{ of: Setting }} props */
function One({ of }) {
  const words = strings.console.settings;
  return html`
    <div class=${names("setting", of.changed && "changed")}>
      <dt><code>${of.env}</code></dt>
      <dd class="value">
        <code>${of.value}</code>
        ${of.changed && html` <${Badge} kind="info">${words.changed}<//>`}
        ${of.masked && html` <${Badge}>${words.masked}<//>`}
      </dd>
      <dd class="faint">
        ${described(of.description)}${of.changed && html`<span class="was"> ${words.default} <code>${of.default}</code></span>`}
      </dd>
    </div>
  `;
}
