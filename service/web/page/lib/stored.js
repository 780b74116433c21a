/** Small settings kept in the browser. A browser that keeps nothing (a private window) still works. */
import { signal } from "./ui.js";

/**
 * A signal that survives a reload.
 *
 * @template T
 * @param {string} name
 * @param {T} initial
 * @returns {import("@preact/signals").Signal<T>}
 */
export function stored(name, initial) {
  const key = `groundloop.${name}`;
  let first = initial;
  try {
    first = JSON.parse(localStorage.getItem(key) ?? "null") ?? initial;
  } catch {
    // Not readable, or not ours.
  }
  const made = signal(first);
  made.subscribe((value) => {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Full, or forbidden.
    }
  });
  return made;
}
