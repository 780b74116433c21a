/** Light, dark, or as the system has it. */
import { stored } from "./stored.js";
import { effect } from "./ui.js";

/** @typedef {"auto" | "light" | "dark"} Theme */

export const theme = stored("theme", /** @type {Theme} */ ("auto"));

/** Keep the page in the theme that is chosen. */
export function applyTheme() {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}
