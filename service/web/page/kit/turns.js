/** Do something again and again while somebody looks: politely, so that a slow service is asked less often. */
import { useEffect, useRef } from "../lib/ui.js";

/** The wait is at least this many times as long as the last turn took. */
const RESTS = 5;

/**
 * @param {() => Promise<unknown>} act What fails is tried again in its turn: what is on the screen stays, and the screen's
 *     own calls say what is wrong.
 * @param {number} everyMs At least, from the end of one turn to the next; 0 stops it.
 */
export function useTurns(act, everyMs) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!everyMs) return;
    let over = false;
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const turn = async () => {
      const began = performance.now();
      if (document.visibilityState === "visible") await latest.current().catch(() => {});
      if (!over) timer = setTimeout(turn, Math.max(everyMs, RESTS * (performance.now() - began)));
    };
    timer = setTimeout(turn, everyMs);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [everyMs]);
}
