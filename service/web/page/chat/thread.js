/**
 * The thread. Only the turns in sight are in the page, so that thousands scroll as ten do: each is measured when it is
 * first shown, and what comes before and after is a gap of the height that it has, or will have by what others have.
 */
import { thread } from "../lib/conversations.js";
import { html, signal, useEffect, useLayoutEffect, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { Icon } from "./icons.js";
import { TurnView } from "./turn.js";

/** @typedef {import("../lib/conversations.js").Turn} Turn */

const BEYOND_PX = 900;
const STEP_PX = 300;
const NEAR_END_PX = 80;
/** What a turn takes without its words, and a line of them: a guess until it is measured. */
const FRAME_PX = 190;
const LINE_PX = 25;
const LINE_CHARS = 75;

/** The turn to go to, and whether the address said so. */
export const wanted = signal(/** @type {{ id: string } | null} */ (null));

/** Heights of turns that were seen, of all conversations. @type {Map<string, number>} */
const heights = new Map();

/** @param {Turn} turn @returns {number} */
function heightOf(turn) {
  const lines = Math.ceil(turn.answers[turn.shown].text.length / LINE_CHARS) + Math.ceil(turn.question.length / LINE_CHARS);
  return heights.get(turn.id) ?? FRAME_PX + LINE_PX * lines;
}

/** @param {Turn[]} turns @returns {number[]} Where each begins, and where the last one ends. */
function offsets(turns) {
  const at = [0];
  for (const turn of turns) at.push(at[at.length - 1] + heightOf(turn));
  return at;
}

/** @param {{ marked: string | null }} props */
export function Thread({ marked }) {
  const turns = thread.value;
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [view, setView] = useState({ top: 0, height: 800 });
  const [, setMeasured] = useState(0);
  const following = useRef(true);
  const [away, setAway] = useState(false);
  const at = offsets(turns);
  const first = Math.max(0, at.findIndex((_, i) => (at[i + 1] ?? Infinity) > view.top - BEYOND_PX));
  const after = at.findIndex((start) => start > view.top + view.height + BEYOND_PX);
  const last = after < 0 ? turns.length : Math.min(after, turns.length);
  const shown = turns.slice(first, last);
  const made = useRef(/** @type {Map<string, { turn: Turn, mark: boolean, view: import("../lib/ui.js").View }>} */ (new Map()));
  /** @param {Turn} turn @returns {import("../lib/ui.js").View} The same one as before where nothing changed: it is not looked at again. */
  const drawn = (turn) => {
    const mark = turn.id === marked;
    const old = made.current.get(turn.id);
    if (old?.turn === turn && old.mark === mark) return old.view;
    const view = html`<${TurnView} key=${turn.id} turn=${turn} marked=${mark} />`;
    made.current.set(turn.id, { turn, mark, view });
    return view;
  };

  const lastTop = useRef(0);
  const look = () => {
    const box = scroller.current;
    if (!box) return;
    const near = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
    // What grows at the end is no reason to stop following it; a reader who goes back is.
    following.current = near || (following.current && box.scrollTop >= lastTop.current);
    lastTop.current = box.scrollTop;
    setAway(!following.current);
    const top = Math.floor(box.scrollTop / STEP_PX) * STEP_PX;
    setView((old) => (old.top === top && old.height === box.clientHeight ? old : { top, height: box.clientHeight }));
  };
  const toEnd = () => {
    following.current = true;
    setAway(false);
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  };

  useHeights(scroller, following, at, turns, () => setMeasured((n) => n + 1));
  const count = turns.length;
  const newest = turns[count - 1]?.id;
  const seen = useRef(newest);
  useLayoutEffect(() => {
    // A new question is looked at, wherever the reader was.
    if (newest !== seen.current && !wanted.value) toEnd();
    seen.current = newest;
  }, [newest]);
  useLayoutEffect(() => {
    if (following.current && !wanted.value) toEnd();
    look();
  }, []);
  const target = wanted.value;
  const place = target ? turns.findIndex((turn) => turn.id === target.id) : -1;
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || !target || place < 0) return;
    following.current = false;
    const there = box.querySelector(`[data-turn="${CSS.escape(target.id)}"]`);
    box.scrollTop = there ? box.scrollTop + there.getBoundingClientRect().top - box.getBoundingClientRect().top - 8 : at[place];
    look();
    if (!there) return;
    wanted.value = null;
    const question = there.querySelector(".question p");
    if (question instanceof HTMLElement) question.focus({ preventScroll: true });
  });

  return html`
    <div class="thread" ref=${scroller} onScroll=${look} role="region" aria-label=${strings.chat.thread} tabindex="0">
      <div class="thread-inside">
        <div style=${{ height: `${at[first]}px` }}></div>
        ${shown.map((turn) => drawn(turn))}
        <div style=${{ height: `${at[turns.length] - at[last]}px` }}></div>
      </div>
    </div>
    ${away &&
    html`<button class="button to-end" aria-label=${strings.chat.latest} title=${strings.chat.latest} onClick=${toEnd}>
      <${Icon} of="down" />
    </button>`}
  `;
}

/**
 * Measure what is shown, and keep the place: what grows above the reader moves nothing in sight, and at the end the end
 * stays in sight.
 *
 * @param {{ current: HTMLElement | null }} scroller
 * @param {{ current: boolean }} following
 * @param {number[]} at
 * @param {Turn[]} turns
 * @param {() => void} changed
 */
function useHeights(scroller, following, at, turns, changed) {
  const now = useRef({ at, turns });
  now.current = { at, turns };
  const observer = useRef(/** @type {ResizeObserver | null} */ (null));
  useEffect(() => {
    observer.current = new ResizeObserver((entries) => {
      const box = scroller.current;
      if (!box) return;
      const { at: before, turns: all } = now.current;
      const old = new Map(all.map((turn, i) => [turn.id, i]));
      let moved = 0;
      let different = false;
      for (const entry of entries) {
        const element = /** @type {HTMLElement} */ (entry.target);
        const id = element.dataset.turn ?? "";
        const height = entry.borderBoxSize[0].blockSize;
        const i = old.get(id);
        if (!element.isConnected || i === undefined || heights.get(id) === height) continue;
        const was = before[i + 1] - before[i];
        if (before[i + 1] <= box.scrollTop) moved += height - was;
        heights.set(id, height);
        different = true;
      }
      if (!different) return;
      changed();
      // A question that is being changed stays in sight, and not the end.
      if (following.current && !box.querySelector(".edit")) box.scrollTop = box.scrollHeight;
      else if (moved) box.scrollTop += moved;
    });
    return () => observer.current?.disconnect();
  }, []);
  useLayoutEffect(() => {
    const watched = observer.current;
    if (!watched || !scroller.current) return;
    for (const element of scroller.current.querySelectorAll("[data-turn]")) watched.observe(element);
  });
}

/** @param {1 | -1} step Go to the next or the previous question. */
export function step(step) {
  const box = document.querySelector(".thread");
  if (!box) return;
  const top = box.getBoundingClientRect().top;
  const all = [...box.querySelectorAll("[data-turn]")];
  const ahead = all.filter((one) => (step > 0 ? one.getBoundingClientRect().top > top + 12 : one.getBoundingClientRect().top < top - 12));
  const next = step > 0 ? ahead[0] : ahead[ahead.length - 1];
  if (next instanceof HTMLElement) wanted.value = { id: next.dataset.turn ?? "" };
}
