/** What the service says about collections and documents, and its words for people. */
import { strings } from "../strings.js";

/**
 * @typedef {{ in_progress: number, completed: number, failed: number, cancelled: number, total: number }} Counts
 *
 * @typedef {object} Store A collection.
 * @property {string} id
 * @property {string} name
 * @property {number} created_at
 * @property {number} last_active_at
 * @property {number} usage_bytes
 * @property {Counts} file_counts
 * @property {"in_progress" | "completed"} status
 * @property {string} embedding_model
 * @property {{ target_model: string, done: number, total: number, failed: number, last_error: string | null } | null} reembedding
 * @property {string[]} readers
 *
 * @typedef {"in_progress" | "completed" | "failed" | "cancelled"} Status
 *
 * @typedef {object} Doc A document.
 * @property {string} id
 * @property {string} vector_store_id
 * @property {string} filename
 * @property {string} title
 * @property {number} created_at
 * @property {number} usage_bytes
 * @property {Status} status
 * @property {string} stage
 * @property {number} percent
 * @property {number} chunk_count
 * @property {{ code: string, message: string, reason: string } | null} last_error
 *
 * @typedef {object} Chunk
 * @property {string} id
 * @property {number} position From 0.
 * @property {number} start_index
 * @property {number} end_index
 * @property {number | null} page_start
 * @property {number | null} page_end
 * @property {string[]} heading_path
 * @property {string} content
 */

export const EVERYBODY = "*";

/** @param {readonly string[]} readers @returns {string} Who may read it, in a line. */
export function readersSaid(readers) {
  const words = strings.console.documents.readers;
  if (readers.includes(EVERYBODY)) return words.everybody;
  if (readers.length === 0) return words.nobody;
  return readers.map(readerSaid).join(", ");
}

/** @param {string} reader `group:staff`, say. @returns {string} */
export function readerSaid(reader) {
  const words = strings.console.documents.readers;
  const [kind, ...name] = reader.split(":");
  const known = words.kinds[/** @type {keyof typeof words.kinds} */ (kind)];
  return known ? `${known} ${name.join(":")}` : reader;
}

/** @param {{ page_start: number | null, page_end: number | null }} at @returns {string} "Pages 3–4", or "". */
export function pagesSaid({ page_start: first, page_end: last }) {
  const words = strings.console.documents;
  if (first === null || first === undefined) return "";
  return last === null || last === undefined || last === first ? words.page(first) : words.pages(first, last);
}
