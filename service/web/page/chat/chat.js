/** The half of the page for people who ask. */
import { later } from "../kit/later.js";
import { begin, changeConversation, conversation, open, opened, ready, turns } from "../lib/conversations.js";
import { visible } from "../lib/hidden.js";
import { go, link, place, query } from "../lib/router.js";
import { session } from "../lib/session.js";
import { html, names, useEffect, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { reveal } from "./asking.js";
import { Card } from "./citation.js";
import { collections, loadCollections } from "./collections.js";
import { Composer } from "./composer.js";
import { Empty } from "./empty.js";
import { History } from "./history.js";
import { Icon } from "./icons.js";
import { Keys, useKeys } from "./keys.js";
import { closeCard, listed, side } from "./showing.js";
import { spoken } from "./spoken.js";
import { Thread, wanted } from "./thread.js";

const CHAMPION = "groundloop";
const Side = later(() => import("./evidence.js").then((file) => file.Side));
const Votes = later(() => import("./votes-list.js").then((file) => file.Votes), { waiting: true });

export function Chat() {
  const [where, id = null, turn = null] = place.value;
  const identity = session.value?.identity ?? "";
  useEffect(() => void begin(identity), [identity]);
  useEffect(() => void loadCollections().catch(() => {}), [identity]);
  useKeys();
  const words = strings.chat;
  const votes = where === "votes";
  return html`
    <div class=${names("chat", side.value && "with-side")}>
      <div class="talk-bar">
        <button
          class="button quiet list-toggle"
          aria-expanded=${listed.value}
          aria-label=${listed.value ? words.closeHistory : words.openHistory}
          onClick=${() => (listed.value = !listed.value)}
        >
          <${Icon} of=${listed.value ? "close" : "list"} />
        </button>
        <span class="talk-title">${visible(votes ? strings.votes.list.title : (conversation.value?.title ?? ""))}</span>
        <a class="button quiet" href=${link([])} aria-label=${words.newChat} title=${words.newChat}><${Icon} of="plus" /></a>
      </div>
      <nav class=${names("history", listed.value && "listed")} aria-label=${words.history}>
        <${History} onGo=${() => (listed.value = false)} />
      </nav>
      ${votes ? html`<${Votes} />` : html`<${Conversation} id=${where === "c" ? id : null} turn=${turn} />`}
      ${side.value && html`<${Side} />`}
      <${Card} />
      <${Keys} />
      <div class="unseen" role="status">${spoken.value}</div>
    </div>
  `;
}

/** @param {{ id: string | null, turn: string | null }} props As the address has them. */
function Conversation({ id, turn }) {
  const words = strings.chat;
  const [missing, setMissing] = useState(false);
  const [chosen, setChosen] = useState(/** @type {string[] | null} */ (null));
  useEffect(() => {
    if (!ready.value) return;
    let here = true;
    if (id !== opened.value) {
      closeCard();
      side.value = null;
      spoken.value = "";
    }
    wanted.value = turn ? { id: turn } : null;
    open(id).then((there) => {
      if (here) setMissing(!there);
      if (here && there && turn && !reveal(turn)) wanted.value = null;
    });
    return () => {
      here = false;
    };
  }, [id, turn, ready.value]);
  const here = conversation.value;
  const asked = query.value.get("model");
  const model = here?.model ?? asked ?? CHAMPION;
  /** @param {string[] | null} now */
  const choose = (now) => (here ? changeConversation(here.id, { collections: now }) : setChosen(now));
  const unpin = () => (here ? changeConversation(here.id, { model: CHAMPION }) : go(link([]), { replace: true }));
  const known = collections.value?.map((one) => one.id);
  const left = known ? (chosen?.filter((one) => known.includes(one)) ?? null) : chosen;
  return html`
    <main id="content" class="talk" tabindex="-1">
      ${model !== CHAMPION &&
      html`<p class="pinned"><span>${words.pinned(model)}</span> <button class="button small" onClick=${unpin}>${words.unpin}</button></p>`}
      ${missing
        ? html`<div class="empty"><p>${words.gone}</p><p><a class="button" href=${link([])}>${words.newChat}</a></p></div>`
        : opened.value === null && id === null
          ? html`<${Empty} chosen=${left} />`
          : turns.value.length === 0
            ? html`<p class="page-wait">${words.loading}</p>`
            : html`<h1 class="unseen">${here?.title}</h1>
                <${Thread} key=${opened.value} marked=${turn} />`}
      ${!missing && html`<${Composer} chosen=${left} model=${model} onChoose=${choose} />`}
    </main>
  `;
}
