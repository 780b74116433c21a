/** Where we are: the part of the address behind `#`. It never reaches the service, and needs nothing of it. */
import { computed, signal } from "./ui.js";

/** @returns {string} */
const current = () => window.location.hash.replace(/^#/, "") || "/";

const address = signal(current());
window.addEventListener("hashchange", () => {
  address.value = current();
});

/** The place as a list: `#/console/cycles/abc?x=1` is `["console", "cycles", "abc"]`. */
export const place = computed(() =>
  address.value
    .split("?")[0]
    .split("/")
    .filter(Boolean)
    .map((part) => decoded(part)),
);

/** What stands behind `?`. */
export const query = computed(() => new URLSearchParams(address.value.split("?")[1] ?? ""));

/** @param {string} part @returns {string} */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The address of a place, for links.
 *
 * @param {readonly string[]} parts
 * @param {Record<string, string | null | undefined>} [asked]
 * @returns {string}
 */
export function link(parts, asked = {}) {
  const given = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(/** @type {[string, string][]} */ (given)).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/**
 * Go there.
 *
 * @param {string} to As `link` gives it.
 * @param {{ replace?: boolean }} [options] Without a step in the browser's history.
 */
export function go(to, { replace = false } = {}) {
  if (!replace) {
    window.location.hash = to;
    return;
  }
  window.history.replaceState(null, "", to);
  address.value = current();
}
