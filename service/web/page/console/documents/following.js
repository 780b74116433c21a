/** Follow documents while they are ingested: politely, only while somebody looks, and only those in progress. */
import { useTurns } from "../../kit/turns.js";
import { api, ApiError, withQuery } from "../../lib/api.js";

/** @typedef {import("./shapes.js").Doc} Doc */
/** @typedef {import("./shapes.js").Store} Store */

const EVERY_MS = 1_500;
const PAGE = 100;
/** Documents that ended are looked at one by one, this many a turn. */
const ENDED = 20;

/** @param {string} store @param {string} [file] @returns {string} */
export const filesPath = (store, file) =>
  `/v1/vector_stores/${encodeURIComponent(store)}/files${file === undefined ? "" : `/${encodeURIComponent(file)}`}`;

/**
 * @param {string} store
 * @param {boolean} busy Whether any of it is in progress.
 * @param {() => readonly Doc[]} loaded What the screen shows.
 * @param {(news: { store: Store, fresh: Doc[], gone: string[] }) => void} onNews
 */
export function useFollowing(store, busy, loaded, onNews) {
  // A screen that is gone by the time the answer comes has no use for it, and Preact takes no harm from it.
  useTurns(async () => onNews(await look(store, loaded())), busy ? EVERY_MS : 0);
}

/**
 * @param {string} store
 * @param {readonly Doc[]} loaded
 * @returns {Promise<{ store: Store, fresh: Doc[], gone: string[] }>}
 */
async function look(store, loaded) {
  // The oldest first: they are the ones at work.
  const [now, page] = await Promise.all([
    api.get(`/v1/vector_stores/${encodeURIComponent(store)}`),
    api.get(withQuery(filesPath(store), { filter: "in_progress", order: "asc", limit: PAGE })),
  ]);
  /** @type {Doc[]} */
  const busy = page.data;
  const still = new Set(busy.map((doc) => doc.id));
  const until = page.has_more ? busy[busy.length - 1].created_at : Infinity;
  const ended = loaded.filter((doc) => doc.status === "in_progress" && doc.created_at < until && !still.has(doc.id));
  /** @type {string[]} */
  const gone = [];
  const after = await Promise.all(
    ended.slice(0, ENDED).map(async (doc) => {
      try {
        return await api.get(filesPath(store, doc.id));
      } catch (error) {
        // It was deleted, or a newer file of that name took its place.
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        gone.push(doc.id);
        return null;
      }
    }),
  );
  return { store: now, fresh: [...busy, ...after.filter((doc) => doc !== null)], gone };
}
