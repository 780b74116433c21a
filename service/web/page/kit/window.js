/** Which rows of a long list can be seen, so that only those are in the page. */
import { useLayoutEffect, useState } from "../lib/ui.js";

/** Rows kept on either side of what is seen, so that a quick scroll shows no gap. */
const BEYOND = 8;

/** @param {Element} element @returns {Element} The nearest ancestor that scrolls, else the page. */
export function scroller(element) {
  for (let one = element.parentElement; one; one = one.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(one).overflowY)) return one;
  }
  return document.scrollingElement ?? document.documentElement;
}

/**
 * The part of a list of rows of one height that is in sight of whatever scrolls around it.
 *
 * @param {{ current: HTMLElement | null }} body What holds all rows, as tall as all of them.
 * @param {number} rows How many there are.
 * @param {number} height Of one, in pixels.
 * @returns {{ first: number, end: number }} `end` is one behind the last.
 */
export function useWindow(body, rows, height) {
  const [seen, setSeen] = useState({ first: 0, end: Math.min(rows, 3 * BEYOND) });
  useLayoutEffect(() => {
    const element = body.current;
    if (!element) return;
    const around = scroller(element);
    const whole = around === document.scrollingElement;
    const look = () => {
      const above = (whole ? 0 : around.getBoundingClientRect().top) - element.getBoundingClientRect().top;
      const first = clamp(Math.floor(above / height) - BEYOND, rows);
      const end = clamp(Math.ceil((above + around.clientHeight) / height) + BEYOND, rows);
      setSeen((old) => (old.first === first && old.end === end ? old : { first, end }));
    };
    look();
    const target = whole ? window : around;
    target.addEventListener("scroll", look, { passive: true });
    const resized = new ResizeObserver(look);
    resized.observe(around);
    return () => {
      target.removeEventListener("scroll", look);
      resized.disconnect();
    };
  }, [rows, height]);
  return { first: Math.min(seen.first, rows), end: Math.min(seen.end, rows) };
}

/** @param {number} value @param {number} most @returns {number} */
const clamp = (value, most) => Math.max(0, Math.min(value, most));

/**
 * Whether an element is too narrow for columns side by side.
 *
 * @param {{ current: HTMLElement | null }} element
 * @param {number} below In pixels.
 * @returns {boolean}
 */
export function useNarrow(element, below) {
  const [narrow, setNarrow] = useState(false);
  useLayoutEffect(() => {
    const watched = element.current;
    if (!watched) return;
    const look = () => setNarrow(watched.clientWidth < below);
    look();
    const resized = new ResizeObserver(look);
    resized.observe(watched);
    return () => resized.disconnect();
  }, [below]);
  return narrow;
}
