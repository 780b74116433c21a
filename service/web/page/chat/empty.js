/** A new conversation: which collections there are, and what could be asked of them. */
import { api, withQuery } from "../lib/api.js";
import { stripped, visible } from "../lib/hidden.js";
import { may } from "../lib/session.js";
import { link } from "../lib/router.js";
import { html, useEffect, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { collections, nameOf } from "./collections.js";
import { draft, focusComposer } from "./composer.js";

const EXAMPLES = 3;
const LISTED = 12;
/** What can stand in a question: a heading of words, not a row of a table or a number. */
const SPEAKING = /^\p{L}[\p{L}\p{N} ,'’:()-]{2,60}$/u;

/** @param {{ chosen: string[] | null }} props */
export function Empty({ chosen }) {
  const words = strings.chat;
  const all = collections.value;
  const shown = (all ?? []).filter((one) => !chosen || chosen.includes(one.id));
  const full = shown.filter((one) => one.file_counts.completed > 0);
  const examples = useExamples(full.map((one) => one.id).join(" "));
  /** @param {string} question */
  const take = (question) => {
    draft(question);
    focusComposer();
  };
  return html`
    <div class="empty">
      <h1>${words.emptyTitle}</h1>
      <p>${all && !full.length ? words.noCollections : words.emptyText}</p>
      ${all &&
      !full.length &&
      may("operator") &&
      html`<p><a class="button primary" href=${link(["console", "documents"])}>${words.addDocuments}</a></p>`}
      ${full.length > 0 &&
      html`<ul class="shelf">
        ${full.slice(0, LISTED).map(
          (one) => html`<li key=${one.id}><strong>${visible(nameOf(one))}</strong> <span class="faint">${words.documents(one.file_counts.completed)}</span></li>`,
        )}
        ${full.length > LISTED && html`<li class="faint">${words.andMore(full.length - LISTED)}</li>`}
      </ul>`}
      ${examples.length > 0 &&
      html`<h2>${words.examples}</h2>
        <ul class="examples">
          ${examples.map((one) => html`<li key=${one}><button class="button" onClick=${() => take(one)}>${visible(one)}</button></li>`)}
        </ul>`}
    </div>
  `;
}

/** @param {string} ids Of collections, apart by blanks. @returns {string[]} Questions about what is in them. */
function useExamples(ids) {
  const [questions, setQuestions] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    let wanted = true;
    setQuestions([]);
    if (ids) examples(ids.split(" ")).then((made) => wanted && setQuestions(made), () => {});
    return () => {
      wanted = false;
    };
  }, [ids]);
  return questions;
}

/** @param {string[]} stores @returns {Promise<string[]>} A question about a heading of a few documents. */
async function examples(stores) {
  const asked = stores.slice(0, EXAMPLES).map((id) => {
    const path = `/v1/vector_stores/${encodeURIComponent(id)}/files`;
    const query = { filter: "completed", limit: EXAMPLES };
    return api.get(withQuery(path, query)).then((page) => page.data.map((/** @type {any} */ one) => ({ path, ...one })));
  });
  const lists = await Promise.all(asked);
  const turns = Array.from({ length: EXAMPLES }, (_, i) => lists.map((list) => list[i])).flat();
  const documents = turns.filter(Boolean).slice(0, EXAMPLES);
  const headings = await Promise.all(documents.map(heading));
  return [...new Set(headings.map((one) => strings.chat.exampleOf(stripped(one))))];
}

/** @param {{ path: string, id: string, title: string, filename: string }} document @returns {Promise<string>} What a part of it is about. */
async function heading({ path, id, title, filename }) {
  const page = await api.get(withQuery(`${path}/${encodeURIComponent(id)}/chunks`, { limit: 20 }));
  const headings = page.data.map((/** @type {{ heading_path: string[] }} */ one) => one.heading_path).toSorted(deeperFirst);
  const last = headings.map((/** @type {string[]} */ one) => one[one.length - 1] ?? "").filter((/** @type {string} */ one) => SPEAKING.test(one));
  return last.find((/** @type {string} */ one) => one.includes(" ")) ?? last[0] ?? (title || filename);
}

/** @param {string[]} a @param {string[]} b The title of a document says less than a heading in it. */
const deeperFirst = (a, b) => Math.min(2, b.length) - Math.min(2, a.length);
