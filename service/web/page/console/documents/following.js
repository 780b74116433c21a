/** Follow documents while they are ingested: politely, only while somebody looks, and only those in progress. */
import { api, ApiError, withQuery } from "../../lib/api.js";
import { useEffect, useRef } from "../../lib/ui.js";

/** @typedef {import("./shapes.js").Doc} Doc */
/** @typedef {import("./shapes.js").Store} Store */

const AT_LEAST_MS = 1_500;
/** A slow service is asked less often: the wait is this many times as long as it took to answer. */
const RESTS = 5;
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
  const latest = useRef({ loaded, onNews });
  latest.current = { loaded, onNews };
  useEffect(() => {
    if (!busy) return;
    let over = false;
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const turn = async () => {
      const began = performance.now();
      if (document.visibilityState === "visible") {
        try {
          const news = await look(store, latest.current.loaded());
          if (!over) latest.current.onNews(news);
        } catch {
          // What is on the screen stays; the next turn may go better, and the screen's own calls say what is wrong.
        }
      }
      if (!over) timer = setTimeout(turn, Math.max(AT_LEAST_MS, RESTS * (performance.now() - began)));
    };
    timer = setTimeout(turn, AT_LEAST_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [store, busy]);
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
