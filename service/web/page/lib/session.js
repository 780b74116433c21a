/** Who is signed in. The key itself is never kept here: the service keeps the session, the browser its cookie. */
import { api, whenSignedOut } from "./api.js";
import { signal } from "./ui.js";

/**
 * @typedef {object} Session
 * @property {"user" | "operator" | "admin"} role
 * @property {string} key_id
 * @property {string} name The key's name.
 * @property {string} identity Who votes, as the feedback log shows it.
 * @property {string | null} segment
 * @property {string} version Of the service.
 */

/** Undefined until it is known, null when nobody is signed in. @type {import("@preact/signals").Signal<Session | null | undefined>} */
export const session = signal(/** @type {Session | null | undefined} */ (undefined));

const ROLES = ["user", "operator", "admin"];
const FRAGMENT = /^#sign-in=([\w-]+)$/;

/** @param {"user" | "operator" | "admin"} role @returns {boolean} Whether who is signed in may do what that role may. */
export const may = (role) => ROLES.indexOf(session.value?.role ?? "") >= ROLES.indexOf(role);

whenSignedOut(() => {
  session.value = null;
});

/** Take up the session, or the one-time link by which the page was opened; the link is gone from the address at once. */
export async function begin() {
  const token = FRAGMENT.exec(window.location.hash)?.[1];
  if (token) window.history.replaceState(null, "", `${window.location.pathname}#/`);
  try {
    session.value = token ? await api.post("/v1/session", { link: token }) : await api.get("/v1/session");
  } catch (error) {
    session.value = null;
    if (token) throw error;
  }
}

/** @param {string} key */
export async function signIn(key) {
  session.value = await api.post("/v1/session", { key });
}

/** End the session, here and in the service. */
export async function signOut() {
  try {
    await api.delete("/v1/session");
  } finally {
    session.value = null;
  }
}
