/** Bringing files in: dropped anywhere on the screen, or chosen with a button. Folders are taken with all that is in them. */
import { html, names, useEffect, useRef, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";

/** @param {{ onFiles: (files: File[]) => void }} props */
export function Dropping({ onFiles }) {
  const words = strings.console.documents.dropping;
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const over = useDrop(onFiles);
  /** @param {Event} event */
  const chosen = (event) => {
    const field = /** @type {HTMLInputElement} */ (event.currentTarget);
    onFiles([...(field.files ?? [])]);
    // So that choosing the same file again is a change.
    field.value = "";
  };
  return html`
    <div class=${names("dropping", over && "over")}>
      <p>
        <button class="button primary" onClick=${() => input.current?.click()}>${words.choose}</button>
        <span class="faint">${over ? words.over : words.drop}</span>
      </p>
      <input ref=${input} hidden type="file" multiple onChange=${chosen} />
    </div>
  `;
}

/** @param {(files: File[]) => void} onFiles @returns {boolean} Whether files are held over the page. */
export function useDrop(onFiles) {
  const [over, setOver] = useState(false);
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    let deep = 0;
    /** @param {DragEvent} event */
    const files = (event) => event.dataTransfer?.types.includes("Files") ?? false;
    /** @param {DragEvent} event */
    const enter = (event) => {
      if (!files(event)) return;
      deep += 1;
      setOver(true);
    };
    const leave = () => {
      deep = Math.max(0, deep - 1);
      setOver(deep > 0);
    };
    /** @param {DragEvent} event */
    const drag = (event) => files(event) && event.preventDefault();
    /** @param {DragEvent} event */
    const drop = (event) => {
      deep = 0;
      setOver(false);
      if (!event.dataTransfer || !files(event)) return;
      event.preventDefault();
      dropped(event.dataTransfer).then((found) => found.length && latest.current(found));
    };
    const on = /** @type {const} */ ([["dragenter", enter], ["dragleave", leave], ["dragover", drag], ["drop", drop]]);
    for (const [name, then] of on) window.addEventListener(name, /** @type {any} */ (then));
    return () => {
      for (const [name, then] of on) window.removeEventListener(name, /** @type {any} */ (then));
    };
  }, []);
  return over;
}

/** @param {DataTransfer} transfer @returns {Promise<File[]>} */
async function dropped(transfer) {
  // Entries must be taken before the first wait: the browser empties the transfer when the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  return (await Promise.all(entries.map(within))).flat();
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} The file, or those of the folder; hidden ones are left out. */
async function within(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const found = [];
  for (;;) {
    // A folder is read in pieces; an empty one is the end.
    const piece = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (/** @type {FileSystemEntry[]} */ (piece).length === 0) return found;
    for (const files of await Promise.all(/** @type {FileSystemEntry[]} */ (piece).map(within))) found.push(...files);
  }
}
