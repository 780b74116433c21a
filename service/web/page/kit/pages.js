/** A list of the service that is loaded page by page, as one comes near its end. */
import { useCallback, useEffect, useRef, useState } from "../lib/ui.js";

/**
 * @template T
 * @typedef {{ data: T[], last_id?: string | null, has_more: boolean }} Page
 */
/**
 * @template T
 * @typedef {object} Pages As `Loaded` takes it, and more.
 * @property {T[] | undefined} data
 * @property {unknown} error
 * @property {boolean} loading
 * @property {boolean} more Whether there are more than are loaded.
 * @property {() => void} near Load the next page, if there is one.
 * @property {() => void} reload As many again as are loaded, at least a page.
 * @property {(data: T[]) => void} set
 * @property {(change: (rows: T[]) => T[]) => void} edit Change what is loaded, whatever it is by then.
 */

/**
 * @template T
 * @param {(after: string | null) => Promise<Page<T>>} get The page behind that id.
 * @param {readonly unknown[]} on What it depends on; it begins anew when one changes.
 * @param {{ whole?: boolean }} [options] Whether to load all there is, page by page, without waiting to be near.
 * @returns {Pages<T>}
 */
export function usePages(get, on, { whole = false } = {}) {
  const [state, setState] = useState(
    /** @type {{ data: T[] | undefined, error: unknown, loading: boolean, more: boolean }} */ ({
      data: undefined,
      error: null,
      loading: true,
      more: false,
    }),
  );
  // What the calls that are under way must know, which a render may not have seen yet.
  const now = useRef({ turn: 0, busy: false, after: /** @type {string | null} */ (null), more: false, count: 0 });

  /** Load pages into a list until `enough`. */
  const load = useCallback(async (/** @type {T[]} */ found, /** @type {(count: number) => boolean} */ enough) => {
    const at = now.current;
    const mine = ++at.turn;
    at.busy = true;
    setState((old) => ({ ...old, loading: true }));
    try {
      let rows = found;
      let after = found.length ? at.after : null;
      for (;;) {
        const page = await get(after);
        if (mine !== at.turn) return;
        rows = [...rows, ...page.data];
        after = page.last_id ?? null;
        const done = !page.has_more || page.data.length === 0;
        if (!done && !enough(rows.length)) continue;
        Object.assign(at, { busy: false, after, more: !done, count: rows.length });
        setState({ data: rows, error: null, loading: false, more: !done });
        return;
      }
    } catch (error) {
      if (mine !== at.turn) return;
      at.busy = false;
      setState((old) => ({ ...old, error, loading: false }));
    }
  }, on);

  useEffect(() => {
    Object.assign(now.current, { after: null, more: false, count: 0 });
    setState({ data: undefined, error: null, loading: true, more: false });
    load([], () => true);
    return () => {
      now.current.turn += 1;
    };
  }, [load]);

  const rows = state.data;
  const near = useCallback(() => {
    if (rows && now.current.more && !now.current.busy) load(rows, () => true);
  }, [rows, load]);
  useEffect(() => {
    if (whole && !state.error) near();
  }, [whole, near, state.error]);
  const reload = useCallback(() => load([], (count) => count >= now.current.count), [load]);
  const edit = useCallback((/** @type {(rows: T[]) => T[]} */ change) => {
    setState((old) => (old.data ? { ...old, data: change(old.data) } : old));
  }, []);
  return { ...state, near, reload, set: useCallback((data) => edit(() => data), [edit]), edit };
}
