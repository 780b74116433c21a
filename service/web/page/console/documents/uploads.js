/**
 * Files on their way into collections. It goes on while other screens are looked at; only closing the page ends it.
 * Two files at a time: the disk of the service is what limits it, and the rest of the page must stay quick.
 */
import { api, ApiError } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { signal } from "../../lib/ui.js";

const AT_ONCE = 2;
const SHOW_EVERY_MS = 100;
const TRIES = 5;

/**
 * @typedef {object} Upload
 * @property {number} id
 * @property {string} store
 * @property {File} file
 * @property {"waiting" | "sending" | "done" | "failed" | "stopped"} state
 * @property {number} share From 0 to 1.
 * @property {string} problem
 */

/** @type {Upload[]} */
let all = [];
let made = 0;
let running = 0;
/** @type {Set<(document: import("./shapes.js").Doc) => void>} */
const waiting = new Set();

/** Goes up whenever something changed, though not more often than people can see. */
export const changed = signal(0);
let due = false;
function show() {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    changed.value += 1;
  }, SHOW_EVERY_MS);
}

window.addEventListener("beforeunload", (event) => {
  if (all.some((one) => one.state === "waiting" || one.state === "sending")) event.preventDefault();
});

/** @param {string} store @returns {Upload[]} */
export const uploadsOf = (store) => all.filter((one) => one.store === store);

/**
 * Be told of each document as it enters its collection.
 *
 * @param {(document: import("./shapes.js").Doc) => void} then
 * @returns {() => void} Stops it.
 */
export function whenArrived(then) {
  waiting.add(then);
  return () => waiting.delete(then);
}

/** @param {string} store @param {readonly File[]} files */
export function upload(store, files) {
  all = [...all, ...files.map((file) => ({ id: ++made, store, file, state: /** @type {const} */ ("waiting"), share: 0, problem: "" }))];
  show();
  work();
}

/** Send those again that failed. @param {string} store */
export function retry(store) {
  for (const one of uploadsOf(store)) if (one.state === "failed") Object.assign(one, { state: "waiting", share: 0, problem: "" });
  show();
  work();
}

/** Send none of those that have not begun. @param {string} store */
export function stop(store) {
  for (const one of uploadsOf(store)) if (one.state === "waiting") one.state = "stopped";
  show();
}

/** Forget those that have ended. @param {string} store */
export function clear(store) {
  all = all.filter((one) => one.store !== store || one.state === "waiting" || one.state === "sending");
  show();
}

function work() {
  while (running < AT_ONCE) {
    const next = all.find((one) => one.state === "waiting");
    if (!next) return;
    running += 1;
    next.state = "sending";
    send(next).finally(() => {
      running -= 1;
      show();
      work();
    });
  }
}

/** @param {Upload} one */
async function send(one) {
  try {
    const file = await patiently(() =>
      api.upload(one.file, (share) => {
        one.share = share;
        show();
      }),
    );
    const at = `/v1/vector_stores/${encodeURIComponent(one.store)}/files`;
    const document = await patiently(() => api.post(at, { file_id: file.id }));
    one.state = "done";
    one.share = 1;
    for (const then of waiting) then(document);
  } catch (error) {
    one.state = "failed";
    one.problem = said(error);
  }
}

/**
 * Do it, and again a little later when the service is only busy.
 *
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<T>}
 */
async function patiently(act) {
  for (let tried = 1; ; tried++) {
    try {
      return await act();
    } catch (error) {
      const busy = error instanceof ApiError && (error.status === 429 || error.status === 503);
      if (!busy || tried === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfterS ?? 2 ** tried)));
    }
  }
}
