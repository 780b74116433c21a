/** The conversations of this browser: find, open, name, keep as a file, delete. */
import { confirm, Dialog } from "../kit/dialog.js";
import { toast } from "../kit/toast.js";
import { save } from "../lib/copy.js";
import { branch, changeConversation, conversations, lasting, opened, read, remove, search } from "../lib/conversations.js";
import { ago } from "../lib/format.js";
import { visible } from "../lib/hidden.js";
import { go, link } from "../lib/router.js";
import { html, names, useEffect, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { stop } from "./asking.js";
import { Privacy } from "./consent.js";
import { Icon } from "./icons.js";
import { Menu } from "./menu.js";

/** @typedef {import("../lib/conversations.js").Conversation} Conversation */

const SEARCH_AFTER_MS = 200;
const AT_ONCE = 60;
export const SEARCH_FIELD = "search-conversations";

/** @param {{ onGo: () => void }} props `onGo`: a conversation is opened. */
export function History({ onGo }) {
  const words = strings.chat;
  const [typed, setTyped] = useState("");
  const [limit, setLimit] = useState(AT_ONCE);
  const [renaming, setRenaming] = useState(/** @type {Conversation | null} */ (null));
  const found = useFound(typed);
  return html`
    <a class="button new-chat" href=${link([])} onClick=${onGo}><${Icon} of="plus" /> ${words.newChat}</a>
    <label class="search">
      <${Icon} of="search" />
      <span class="unseen">${words.search}</span>
      <input
        id=${SEARCH_FIELD}
        type="search"
        placeholder=${words.search}
        value=${typed}
        onInput=${(/** @type {InputEvent} */ event) => setTyped(/** @type {HTMLInputElement} */ (event.target).value)}
      />
    </label>
    ${!lasting.value && html`<p class="faint note">${words.notLasting}</p>`}
    ${!found.length && html`<p class="faint note">${typed ? words.noneFound : words.noHistory}</p>`}
    <ul class="conversations" aria-label=${words.history}>
      ${found.slice(0, limit).map(
        (one) => html`
          <li key=${one.id} class=${names("conversation", one.id === opened.value && "here")}>
            <a href=${link(["c", one.id])} aria-current=${one.id === opened.value ? "page" : null} onClick=${onGo}>
              <span class="conversation-title">${visible(one.title)}</span>
              <span class="faint">${ago(one.at)}</span>
            </a>
            <${Menu} name=${words.more(one.title)} label=${html`<${Icon} of="more" />`}>
              ${(/** @type {() => void} */ close) => html`
                <button class="button quiet" onClick=${() => (close(), setRenaming(one))}>${words.rename}</button>
                <button class="button quiet" onClick=${() => (close(), void keep(one))}>${words.export}</button>
                <button class="button quiet" onClick=${() => (close(), void drop(one))}>${words.delete}</button>
              `}
            <//>
          </li>
        `,
      )}
    </ul>
    ${found.length > limit && html`<button class="button" onClick=${() => setLimit(limit + AT_ONCE)}>${strings.more}</button>`}
    <footer class="history-foot">
      <a class="button quiet" href=${link(["votes"])} onClick=${onGo}>${strings.votes.list.title}</a>
      <${Privacy} />
    </footer>
    ${renaming && html`<${Rename} of=${renaming} onClose=${() => setRenaming(null)} />`}
  `;
}

/** @param {string} typed @returns {Conversation[]} Those whose title, questions or answers have these words. */
function useFound(typed) {
  const [inside, setInside] = useState(/** @type {{ words: string, ids: Set<string> }} */ ({ words: "", ids: new Set() }));
  const wanted = typed.trim().toLowerCase();
  useEffect(() => {
    if (!wanted) return;
    let asked = true;
    const timer = setTimeout(async () => {
      const ids = await search(wanted);
      if (asked) setInside({ words: wanted, ids });
    }, SEARCH_AFTER_MS);
    return () => {
      asked = false;
      clearTimeout(timer);
    };
  }, [wanted]);
  if (!wanted) return conversations.value;
  const ids = inside.words === wanted ? inside.ids : new Set();
  return conversations.value.filter((one) => one.title.toLowerCase().includes(wanted) || ids.has(one.id));
}

/** @param {Conversation} one */
async function keep(one) {
  const { conversationAsMarkdown, fileName } = await import("./copying.js");
  save(fileName(one.title), conversationAsMarkdown(one.title, branch(await read(one.id), one.chosen)));
}

/** @param {Conversation} one */
async function drop(one) {
  const words = strings.chat;
  const sure = await confirm({ title: words.deleteTitle, text: words.deleteText(one.title), action: words.delete, danger: true });
  if (!sure) return;
  const open = one.id === opened.value;
  for (const turn of await read(one.id)) stop(turn.id);
  await remove(one.id);
  if (open) go(link([]), { replace: true });
  toast(words.deleted);
}

/** @param {{ of: Conversation, onClose: () => void }} props */
function Rename({ of, onClose }) {
  const words = strings.chat;
  const [title, setTitle] = useState(of.title);
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (!title.trim()) return;
    changeConversation(of.id, { title: title.trim() });
    onClose();
  };
  return html`
    <${Dialog} title=${words.renameTitle} onClose=${onClose}>
      <form onSubmit=${submit}>
        <label for="conversation-name">${words.name}</label>
        <input
          id="conversation-name"
          maxlength="200"
          autofocus
          value=${title}
          onInput=${(/** @type {InputEvent} */ event) => setTitle(/** @type {HTMLInputElement} */ (event.target).value)}
        />
        <footer>
          <button type="button" class="button" onClick=${onClose}>${strings.cancel}</button>
          <button class="button primary" disabled=${!title.trim()}>${words.save}</button>
        </footer>
      </form>
    <//>
  `;
}
