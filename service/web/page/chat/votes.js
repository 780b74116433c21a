/** Judging an answer: the thumbs below it, and what opens from there. */
import { later } from "../kit/later.js";
import { html, names, useEffect, useId, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { kept } from "./votes-reasons.js";
import { extras, failures, NOTHING, say, sending } from "./votes-say.js";
import { again, fieldOf, told } from "./votes-told.js";

/** @typedef {import("../lib/conversations.js").Turn} Turn */
/** @typedef {import("../lib/conversations.js").Answer} Answer */
/** @typedef {import("../lib/conversations.js").Vote} Vote */

const Became = later(() => import("./lineage.js").then((file) => file.Became));
const Panel = later(() => import("./votes-panel.js").then((file) => file.Panel));

/** A thumb that points up; the other one is it, turned round. */
const SHAPE = "M7 10.5 11.4 3c1.5.1 2.4 1.2 2.2 2.6L13 9.5h5.4a2 2 0 0 1 2 2.4l-1.5 7.2a2.4 2.4 0 0 1-2.3 1.9H7zM7 10.5H3.5V21H7";

/** What is being written, by the answer's key: a turn that is scrolled out of sight is not in the page. @type {Map<string, Partial<Vote>>} */
const drafts = new Map();

/** @param {Turn} turn @param {Answer} answer @returns {boolean} Whether nobody may know yet who gave it. */
const blind = ({ pair }, { id }) => pair !== null && pair.outcome === null && id !== null && pair.answers.includes(id);

/** @param {{ turn: Turn, answer: Answer }} props */
export function Judging({ turn, answer }) {
  const words = strings.votes;
  const begun = drafts.get(answer.key);
  const [open, setOpen] = useState(begun !== undefined);
  const [telling, setTelling] = useState(false);
  const [draft, setDraft] = useState(begun ?? /** @type {Partial<Vote>} */ ({}));
  const [note, setNote] = useState("");
  const [undo, setUndo] = useState(/** @type {Vote | null} */ (null));
  const more = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const row = useRef(/** @type {HTMLElement | null} */ (null));
  const opening = useRef(false);
  const panel = useId();
  const failure = answer.id ? failures.value[answer.id] : undefined;
  const vote = answer.vote;
  useEffect(() => setNote(""), [failure]);
  useEffect(() => {
    if (open) drafts.set(answer.key, draft);
    else drafts.delete(answer.key);
  }, [open, draft]);

  if (answer.state === "streaming" || (turn.pair?.blind && blind(turn, answer))) return null;
  if (!answer.id) {
    return answer.state === "done" || answer.state === "not_found"
      ? html`<p class="vote-note faint">${words.notRecorded}</p>`
      : null;
  }

  /** @param {Vote | null} wanted @param {string} done What to say when it is. @returns {Promise<boolean>} */
  async function send(wanted, done) {
    const before = vote;
    setUndo(null);
    if ((await say(turn, answer, wanted)) !== null) return false;
    setNote(done);
    if (!wanted) setUndo(before);
    return true;
  }

  /** @param {"up" | "down"} rating */
  async function thumb(rating) {
    if (vote?.rating === rating) return takeBack();
    const old = vote ?? NOTHING;
    // Should it fail, what is written in the panel still goes with this thumb.
    setDraft((was) => ({ ...was, rating, reasons: undefined }));
    show();
    const taken = await send({ ...old, rating, reasons: kept(old.reasons, rating) }, words.thanks);
    // What went wrong is told below the thumbs, unless something is being written.
    const written = Object.entries(drafts.get(answer.key) ?? {}).some(([name, value]) => name !== "rating" && value !== undefined);
    if (!taken && !written) setOpen(false);
  }

  async function takeBack() {
    const thumb = row.current?.querySelector(`.thumb.${vote?.rating ?? "up"}`);
    const inside = document.activeElement?.closest(".vote-panel");
    if (!(await send(null, words.withdrawn))) return;
    setOpen(false);
    setDraft({});
    if (inside && thumb instanceof HTMLElement) thumb.focus();
  }

  async function sendPanel() {
    if (!(await send(asked, words.saved))) return;
    setDraft({});
    close();
  }

  async function retry() {
    if (!failure) return;
    if (!failure.vote) return takeBack();
    if (open) return sendPanel();
    await send(failure.vote, words.thanks);
  }

  function show() {
    opening.current = !open;
    setOpen(true);
  }

  /** Keep the thumbs in sight: the thread has its end in sight two frames from now, when it has measured what grew. */
  function shown() {
    if (!opening.current) return;
    opening.current = false;
    const thumbs = () => row.current?.firstElementChild?.scrollIntoView({ block: "nearest" });
    requestAnimationFrame(() => requestAnimationFrame(thumbs));
  }

  function close() {
    setOpen(false);
    more.current?.focus();
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    if (!open || event.key !== "Escape" || (event.target instanceof Element && event.target.closest("dialog"))) return;
    event.stopPropagation();
    close();
  }

  const problem =
    failure &&
    !(open && fieldOf(failure.error)) &&
    html`<div class="failure" role="alert">
      <p>${words.failed} ${told(failure.error)}</p>
      ${again(failure.error) &&
      html`<button type="button" class="button" onClick=${retry}>${strings.again}</button>`}
    </div>`;
  const asked = { ...(vote ?? NOTHING), ...given(draft) };
  const opens = vote !== null || open;
  return html`
    <div class="judging" role="group" aria-label=${words.judge} onKeyDown=${keys}>
      <div class="judging-row" ref=${row}>
        ${/** @type {const} */ (["up", "down"]).map(
          (rating) => html`<button
            key=${rating}
            class=${names("button quiet thumb", rating)}
            aria-pressed=${vote?.rating === rating}
            aria-label=${words[rating]}
            title=${words[rating]}
            onClick=${() => thumb(rating)}
          >
            <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d=${SHAPE} /></svg>
          </button>`,
        )}
        ${opens &&
        html`<button
          ref=${more}
          class="button quiet small"
          aria-expanded=${open}
          aria-controls=${panel}
          onClick=${() => (open ? close() : show())}
        >
          ${vote && extras(vote) ? words.change : words.why}
        </button>`}
        ${(vote || undo) && html`<button class="button quiet small" onClick=${() => setTelling(true)}>${words.became}</button>`}
        <span class="vote-note faint" role="status">${failure ? "" : note}</span>
        ${undo && html`<button class="button quiet small" onClick=${() => send(undo, words.thanks)}>${words.undo}</button>`}
        ${answer.version && !blind(turn, answer) && html`<span class="judging-version faint">${words.version(answer.version)}</span>`}
      </div>
      ${open &&
      html`<${Panel}
        id=${panel}
        answer=${answer}
        vote=${asked}
        busy=${sending.value.has(answer.id)}
        error=${failure?.error}
        onShown=${shown}
        onChange=${(/** @type {Partial<Vote>} */ change) => setDraft((was) => ({ ...was, ...change }))}
        onSend=${sendPanel}
        onWithdraw=${takeBack}
        onClose=${close}
      >
        ${problem}
      <//>`}
      ${!open && problem}
      ${telling && html`<${Became} kind="vote" id=${answer.id} onClose=${() => setTelling(false)} />`}
    </div>
  `;
}

/** @param {Partial<Vote>} draft @returns {Partial<Vote>} What was touched. */
const given = (draft) => Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
