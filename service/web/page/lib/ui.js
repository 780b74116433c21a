/** The few words that components are written in: Preact, its hooks, signals, and `html` for markup without a build. */
import htm from "htm";
import { h } from "preact";

export { Fragment, render } from "preact";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal } from "@preact/signals";

/** @typedef {import("preact").VNode<any>} View */
/** @typedef {import("preact").ComponentChildren} Children */

/**
 * Markup as a tagged template: `html`<p class="note">${text}</p>``. Values are text, never markup.
 *
 * @type {(strings: TemplateStringsArray, ...values: any[]) => View}
 */
export const html = /** @type {any} */ (htm.bind(/** @type {any} */ (h)));

/**
 * Class names of which some may be false.
 *
 * @param {...(string | false | null | undefined)} names
 * @returns {string}
 */
export const names = (...names) => names.filter(Boolean).join(" ");
