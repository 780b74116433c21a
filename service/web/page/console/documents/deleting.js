/** Deleting a document or a collection, having said what is lost. */
import { confirm, Dialog } from "../../kit/dialog.js";
import { toast } from "../../kit/toast.js";
import { api, withQuery } from "../../lib/api.js";
import { count } from "../../lib/format.js";
import { said } from "../../lib/said.js";
import { html, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { filesPath } from "./following.js";

/** @param {{ of: import("./shapes.js").Doc, onClose: () => void, onDone: () => void }} props */
export function DeleteDocument({ of, onClose, onDone }) {
  const words = strings.console.documents.deleting;
  const [everywhere, setEverywhere] = useState(false);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    setBusy(true);
    try {
      const path = everywhere ? `/v1/files/${encodeURIComponent(of.id)}` : filesPath(of.vector_store_id, of.id);
      await api.delete(path);
      toast(words.done(of.filename));
      onDone();
      onClose();
    } catch (error) {
      setWrong(said(error));
      setBusy(false);
    }
  }
  return html`
    <${Dialog} title=${words.document} onClose=${onClose}>
      <form onSubmit=${submit} aria-busy=${busy}>
        <p><strong>${of.filename}</strong></p>
        <p>${words.lost(of.chunk_count, count(of.chunk_count))}</p>
        <label>
          <input
            type="checkbox"
            checked=${everywhere}
            onChange=${(/** @type {any} */ event) => setEverywhere(event.currentTarget.checked)}
          />
          ${" "}${words.everywhere}
        </label>
        <p class="faint">${everywhere ? words.fileGone : words.fileStays}</p>
        <p class="wrong" role="alert">${wrong}</p>
        <footer>
          <button type="button" class="button" onClick=${onClose}>${strings.cancel}</button>
          <button class="button danger" disabled=${busy}>${words.action}</button>
        </footer>
      </form>
    <//>
  `;
}

/**
 * @param {import("./shapes.js").Store} store
 * @returns {Promise<boolean>} Whether it is gone.
 */
export async function deleteCollection(store) {
  const words = strings.console.documents.deleting;
  let learned = 0;
  try {
    const versions = await api.get(withQuery("/v1/versions", { scope: `collection:${store.id}` }));
    learned = versions.data.length;
  } catch {
    // Without that number the question is still the right one.
  }
  const answer = await confirm({
    title: words.collection,
    text: words.collectionLost(store.name, store.file_counts.total, learned),
    action: words.action,
    danger: true,
    typed: store.file_counts.total > 0 ? store.name : undefined,
  });
  if (!answer) return false;
  try {
    await api.delete(`/v1/vector_stores/${encodeURIComponent(store.id)}`);
  } catch (error) {
    toast(said(error), "wrong");
    return false;
  }
  toast(words.done(store.name));
  return true;
}
