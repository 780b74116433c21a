/** How far the uploads into one collection are. */
import { count, size } from "../../lib/format.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { changed, clear, retry, stop, uploadsOf } from "./uploads.js";

/** Problems named at once; more are counted. */
const NAMED = 50;

/** @param {{ store: string }} props */
export function Sending({ store }) {
  changed.value;
  const words = strings.console.documents.sending;
  const uploads = uploadsOf(store);
  if (uploads.length === 0) return null;
  const by = (/** @type {string} */ state) => uploads.filter((one) => one.state === state);
  const [waiting, sending, done, failed] = ["waiting", "sending", "done", "failed"].map(by);
  const going = waiting.length + sending.length;
  const share = uploads.reduce((sum, one) => sum + (one.state === "stopped" || one.state === "failed" ? 1 : one.share), 0);
  return html`
    <section class="card stack" aria-label=${words.title}>
      <div class="row">
        <strong role="status">
          ${going ? words.going(count(done.length), count(uploads.length)) : words.ended(done.length, failed.length)}
        </strong>
        <span class="spacer"></span>
        ${waiting.length > 0 && html`<button class="button" onClick=${() => stop(store)}>${words.stop}</button>`}
        ${failed.length > 0 && html`<button class="button" onClick=${() => retry(store)}>${words.retry}</button>`}
        ${going === 0 && html`<button class="button quiet" onClick=${() => clear(store)}>${words.clear}</button>`}
      </div>
      ${going > 0 && html`<progress aria-label=${words.title} max=${uploads.length} value=${share}></progress>`}
      <ul class="sending">
        ${sending.map(
          (one) => html`<li key=${one.id}>
            <span class="cell">${one.file.name}</span>
            <span class="faint">${size(one.file.size)}</span>
            <progress aria-label=${one.file.name} value=${one.share}></progress>
          </li>`,
        )}
        ${failed.slice(0, NAMED).map(
          (one) => html`<li key=${one.id} class="failed"><strong>${one.file.name}</strong> ${one.problem}</li>`,
        )}
      </ul>
      ${failed.length > NAMED && html`<p class="faint">${words.more(failed.length - NAMED)}</p>`}
    </section>
  `;
}
