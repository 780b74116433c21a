/** Signing in by pasting a key. */
import { ApiError } from "./lib/api.js";
import { said } from "./lib/said.js";
import { signIn } from "./lib/session.js";
import { html, useId, useState } from "./lib/ui.js";
import { strings } from "./strings.js";

/** @param {{ problem: string }} props */
export function SignIn({ problem }) {
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useId();
  const words = strings.signIn;

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    setBusy(true);
    try {
      await signIn(String(new FormData(form).get("key") ?? "").trim());
    } catch (error) {
      setWrong(error instanceof ApiError && error.status === 401 ? words.wrong : said(error));
      setBusy(false);
    }
  }

  return html`
    <main class="signin">
      <form class="card signin-card" onSubmit=${submit} aria-busy=${busy}>
        <img src="/page/icon.svg" alt="" width="40" height="40" />
        <h1>${strings.product}</h1>
        <p>${words.intro}</p>
        <label for=${field}>${words.key}</label>
        <input
          id=${field}
          name="key"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-describedby=${`${field}-wrong`}
        />
        <p id=${`${field}-wrong`} class="wrong" role="alert">${wrong || problem}</p>
        <button class="button primary" disabled=${busy}>${words.button}</button>
      </form>
    </main>
  `;
}
