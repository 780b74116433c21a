/** Make a collection, or change its name and who may read it. */
import { Dialog } from "../../kit/dialog.js";
import { toast } from "../../kit/toast.js";
import { api } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { may } from "../../lib/session.js";
import { html, useEffect, useId, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { EVERYBODY, readerSaid } from "./shapes.js";

/** @typedef {import("./shapes.js").Store} Store */

/** @param {{ of?: Store, onClose: () => void, onDone: (store: Store) => void }} props Without `of` a new one is made. */
export function CollectionForm({ of, onClose, onDone }) {
  const words = strings.console.documents.form;
  const [name, setName] = useState(of?.name ?? "");
  const [readers, setReaders] = useState(of?.readers ?? [EVERYBODY]);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useId();

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    setBusy(true);
    try {
      const body = { name: name.trim(), readers };
      const store = await api.post(of ? `/v1/vector_stores/${encodeURIComponent(of.id)}` : "/v1/vector_stores", body);
      toast(of ? words.changed : words.made(store.name));
      onDone(store);
      onClose();
    } catch (error) {
      setWrong(said(error));
      setBusy(false);
    }
  }

  return html`
    <${Dialog} title=${of ? words.change : words.make} onClose=${onClose}>
      <form onSubmit=${submit} aria-busy=${busy}>
        <label for=${field}>${words.name}</label>
        <input
          id=${field}
          required
          maxlength="256"
          autocomplete="off"
          value=${name}
          onInput=${(/** @type {any} */ event) => setName(event.target.value)}
        />
        <${Readers} readers=${readers} onChange=${setReaders} />
        <p class="wrong" role="alert">${wrong}</p>
        <footer>
          <button type="button" class="button" onClick=${onClose}>${strings.cancel}</button>
          <button class="button primary" disabled=${busy || !name.trim()}>${of ? words.save : words.make}</button>
        </footer>
      </form>
    <//>
  `;
}

/** @param {{ readers: readonly string[], onChange: (readers: string[]) => void }} props */
function Readers({ readers, onChange }) {
  const words = strings.console.documents.readers;
  const open = readers.includes(EVERYBODY);
  const named = readers.filter((reader) => reader !== EVERYBODY);
  const group = useId();
  return html`
    <fieldset class="choices">
      <legend>${words.title}</legend>
      <label>
        <input type="radio" name=${group} checked=${open} onChange=${() => onChange([EVERYBODY])} /> ${words.everybody}
      </label>
      <label>
        <input type="radio" name=${group} checked=${!open} onChange=${() => onChange(named)} /> ${words.chosen}
      </label>
      ${!open &&
      html`
        <p class="faint">${words.always}</p>
        <ul class="chips">
          ${named.map(
            (reader) => html`<li key=${reader} class="chip">
              ${readerSaid(reader)}
              <button
                type="button"
                aria-label=${words.remove(readerSaid(reader))}
                onClick=${() => onChange(named.filter((one) => one !== reader))}
              >
                ×
              </button>
            </li>`,
          )}
        </ul>
        <${Adding} onAdd=${(/** @type {string} */ reader) => !named.includes(reader) && onChange([...named, reader])} />
      `}
    </fieldset>
  `;
}

/** @param {{ onAdd: (reader: string) => void }} props */
function Adding({ onAdd }) {
  const words = strings.console.documents.readers;
  const [kind, setKind] = useState("group");
  const [name, setName] = useState("");
  const keys = useKeys();
  const list = useId();
  const add = () => {
    if (!name.trim()) return;
    onAdd(`${kind}:${name.trim()}`);
    setName("");
  };
  /** @param {KeyboardEvent} event Enter adds, and does not send the form. */
  const onKeyDown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  };
  return html`
    <div class="row">
      <select
        aria-label=${words.kind}
        value=${kind}
        onChange=${(/** @type {any} */ event) => setKind(event.currentTarget.value)}
      >
        ${Object.entries(words.kinds).map(([value, title]) => html`<option value=${value}>${title}</option>`)}
      </select>
      <input
        class="grows"
        aria-label=${words.name}
        placeholder=${words.hints[/** @type {keyof typeof words.hints} */ (kind)]}
        list=${kind === "key" ? list : null}
        value=${name}
        onInput=${(/** @type {any} */ event) => setName(event.target.value)}
        onKeyDown=${onKeyDown}
      />
      <datalist id=${list}>${keys.map((key) => html`<option value=${key.id}>${key.name}</option>`)}</datalist>
      <button type="button" class="button" disabled=${!name.trim()} onClick=${add}>${words.add}</button>
    </div>
  `;
}

/** The keys that may be named, for those who may see them. @returns {{ id: string, name: string }[]} */
function useKeys() {
  const [keys, setKeys] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    if (!may("admin")) return;
    // A help for typing only: without it an id is typed or pasted.
    api.get("/v1/keys").then((list) => setKeys(list.data.filter((/** @type {any} */ key) => !key.revoked_at)), () => {});
  }, []);
  return keys;
}
