/** Data of the service in a component: loading, there, or not to be had, and how to try again. */
import { said } from "../lib/said.js";
import { html, useCallback, useEffect, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";

/**
 * @template T
 * @typedef {{ data: T | undefined, error: unknown, loading: boolean, reload: () => void, set: (data: T) => void }} Load
 */

/**
 * Load what a function gives, again whenever `on` changes, and every so often while the page is looked at.
 *
 * @template T
 * @param {() => Promise<T>} get
 * @param {readonly unknown[]} on
 * @param {{ everyMs?: number }} [options]
 * @returns {Load<T>}
 */
export function useLoad(get, on, { everyMs = 0 } = {}) {
  const [state, setState] = useState(
    /** @type {{ data: T | undefined, error: unknown, loading: boolean }} */ ({ data: undefined, error: null, loading: true }),
  );
  const turn = useRef(0);
  const load = useCallback((/** @type {boolean} */ fresh) => {
    const mine = ++turn.current;
    setState((old) => ({ data: fresh ? undefined : old.data, error: fresh ? null : old.error, loading: true }));
    get().then(
      (data) => mine === turn.current && setState({ data, error: null, loading: false }),
      (error) => mine === turn.current && setState((old) => ({ data: old.data, error, loading: false })),
    );
  }, on);
  useEffect(() => {
    load(true);
    const timer = everyMs ? setInterval(() => document.visibilityState === "visible" && load(false), everyMs) : undefined;
    return () => {
      turn.current += 1;
      clearInterval(timer);
    };
  }, [load, everyMs]);
  const set = useCallback((/** @type {T} */ data) => setState({ data, error: null, loading: false }), []);
  return { ...state, reload: () => load(false), set };
}

/**
 * Show what was loaded, or that it is not there.
 *
 * @template T
 * @param {{ of: Load<T>, children: (data: T) => import("../lib/ui.js").Children }} props
 */
export function Loaded({ of, children }) {
  if (of.error) {
    const failure = html`
      <div class="failure" role="alert">
        <p>${said(of.error)}</p>
        <button class="button" onClick=${of.reload}>${strings.again}</button>
      </div>
    `;
    return of.data === undefined ? failure : html`${failure}${children(of.data)}`;
  }
  if (of.data === undefined) return html`<p class="page-wait" role="status">${strings.loading}</p>`;
  return children(of.data);
}
