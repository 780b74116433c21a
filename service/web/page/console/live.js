/** Looking again every so often, for as long as there is something to see. */
import { useEffect, useRef } from "../lib/ui.js";

/**
 * @param {{ reload: () => void }} load As `useLoad` gives it.
 * @param {number} everyMs 0: no longer. What is shown stays either way.
 */
export function useLive(load, everyMs) {
  const now = useRef(load);
  now.current = load;
  useEffect(() => {
    if (!everyMs) return;
    const timer = setInterval(() => document.visibilityState === "visible" && now.current.reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
