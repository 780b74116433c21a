/** Keys: who may come in, and what for. */
import { Badge } from "../kit/badge.js";
import { Heading } from "../kit/crumbs.js";
import { confirm } from "../kit/dialog.js";
import { Loaded, useLoad } from "../kit/load.js";
import { Table } from "../kit/table.js";
import { toast } from "../kit/toast.js";
import { api } from "../lib/api.js";
import { ago, count, when } from "../lib/format.js";
import { said } from "../lib/said.js";
import { session } from "../lib/session.js";
import { html, useState } from "../lib/ui.js";
import { strings } from "./strings.js";
import { KeyForm } from "./keys/form.js";
import { Secret } from "./keys/secret.js";

/**
 * @typedef {object} Key
 * @property {string} id
 * @property {string} name
 * @property {"user" | "operator" | "admin"} role
 * @property {string} last4
 * @property {string[]} groups
 * @property {boolean} trusted
 * @property {string | null} segment
 * @property {number | null} requests_per_minute
 * @property {number | null} votes_per_minute
 * @property {number} created_at
 * @property {number | null} expires_at
 * @property {number | null} revoked_at
 */

/** @param {Key} key */
const ended = (key) => key.revoked_at !== null || (key.expires_at !== null && key.expires_at * 1000 < Date.now());

export function Screen() {
  const words = strings.console.keys;
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState(/** @type {(Key & { key: string }) | null} */ (null));
  const [past, setPast] = useState(false);
  const keys = useLoad(async () => /** @type {Key[]} */ ((await api.get("/v1/keys")).data), []);
  /** @param {Key} key */
  const revoke = async (key) => {
    const answer = await confirm({
      title: words.revokeTitle(key.name),
      text: words.revokeText(key.last4),
      action: words.revoke,
      danger: true,
    });
    if (!answer) return;
    try {
      await api.delete(`/v1/keys/${encodeURIComponent(key.id)}`);
      toast(words.revoked(key.name));
    } catch (error) {
      toast(said(error), "wrong");
    }
    keys.reload();
  };
  return html`
    <${Heading} title=${strings.console.screens.keys}>
      <button class="button primary" onClick=${() => setMaking(true)}>${words.make}</button>
    <//>
    <p class="faint">${words.intro}</p>
    <${Loaded} of=${keys}>
      ${(/** @type {Key[]} */ all) => html`
        ${all.some(ended) &&
        html`<label>
          <input type="checkbox" checked=${past} onChange=${(/** @type {any} */ event) => setPast(event.currentTarget.checked)} />
          ${" "}${words.past(all.filter(ended).length)}
        </label>`}
        <${Table}
          label=${strings.console.screens.keys}
          columns=${columns(revoke)}
          rows=${past ? all : all.filter((key) => !ended(key))}
          rowKey=${(/** @type {Key} */ key) => key.id}
          empty=${words.none}
        />
      `}
    <//>
    ${making &&
    html`<${KeyForm}
      onClose=${() => setMaking(false)}
      onMade=${(/** @type {Key & { key: string }} */ key) => {
        setMade(key);
        keys.reload();
      }}
    />`}
    ${made && html`<${Secret} of=${made} onClose=${() => setMade(null)} />`}
  `;
}

/** @param {(key: Key) => void} onRevoke @returns {import("../kit/table.js").Column<Key>[]} */
function columns(onRevoke) {
  const words = strings.console.keys;
  return [
    {
      name: "name",
      title: words.name,
      width: "minmax(0, 2fr)",
      sort: (key) => key.name,
      cell: (key) => html`<span title=${key.id}>${key.name} <code class="faint">…${key.last4}</code></span>`,
    },
    {
      name: "role",
      title: words.role,
      width: "6.5rem",
      phone: "end",
      sort: (key) => key.role,
      cell: (key) => html`<${Badge} kind=${key.role === "admin" ? "warn" : key.role === "operator" ? "info" : "plain"}>${words.roles[key.role]}<//>`,
    },
    {
      name: "may",
      title: words.may,
      width: "minmax(0, 2fr)",
      phone: "hide",
      cell: (key) => html`<span title=${particulars(key)}>${particulars(key)}</span>`,
    },
    {
      name: "created",
      title: words.created,
      width: "8rem",
      phone: "hide",
      sort: (key) => key.created_at,
      cell: (key) => html`<span title=${when(key.created_at)}>${ago(key.created_at)}</span>`,
    },
    {
      name: "state",
      title: words.state,
      width: "10rem",
      sort: (key) => key.revoked_at ?? key.expires_at,
      cell: (key) => html`<${State} of=${key} />`,
    },
    {
      name: "do",
      title: "",
      label: words.actions,
      width: "6rem",
      right: true,
      phone: "end",
      cell: (key) =>
        key.id === session.value?.key_id
          ? html`<span class="faint">${words.yours}</span>`
          : !key.revoked_at &&
            html`<button class="button quiet small" aria-label=${words.revokeOf(key.name)} onClick=${() => onRevoke(key)}>${words.revoke}</button>`,
    },
  ];
}

/** @param {Key} key @returns {string} What is particular about it, in a line. */
function particulars(key) {
  const words = strings.console.keys;
  return [
    key.groups.length && words.groupsSaid(key.groups.join(", ")),
    key.trusted && words.trustedSaid,
    key.segment && words.segmentSaid(key.segment),
    key.requests_per_minute !== null && words.requestsSaid(limit(key.requests_per_minute)),
    key.votes_per_minute !== null && words.votesSaid(limit(key.votes_per_minute)),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {number} perMinute @returns {string} */
const limit = (perMinute) => (perMinute === 0 ? strings.console.keys.noLimit : count(perMinute));

/** @param {{ of: Key }} props */
function State({ of }) {
  const words = strings.console.keys;
  if (of.revoked_at !== null) return html`<span class="faint" title=${when(of.revoked_at)}>${words.revokedAt(ago(of.revoked_at))}</span>`;
  if (of.expires_at === null) return words.untilRevoked;
  const text = ended(of) ? words.expiredAt(ago(of.expires_at)) : words.expiresAt(ago(of.expires_at));
  return html`<span class=${ended(of) ? "faint" : ""} title=${when(of.expires_at)}>${text}</span>`;
}
