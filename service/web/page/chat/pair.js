/** Two answers to one question: which is better? Nobody knows whose they are until it is said, and it is told then. */
import { toast } from "../kit/toast.js";
import { changeTurn } from "../lib/conversations.js";
import { html, useEffect, useId, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { Became } from "./lineage.js";
import { prefer, retract } from "./pair-say.js";
import { Words } from "./votes-panel.js";
import { again, fieldOf, told } from "./votes-told.js";

/** @typedef {import("../lib/conversations.js").Turn} Turn */
/** @typedef {import("../lib/conversations.js").Pair} Two */
/** @typedef {import("./pair-say.js").Outcome} Outcome */

const OUTCOMES = /** @type {const} */ (["first", "second", "tie", "both_bad"]);
const COMMENT_CHARS = 4_000;
/** The turn in which something was chosen just now: what comes of that gets the focus, for its button is gone. */
let led = "";

/**
 * What stands below the two answers of a turn: the question while they are side by side, else the offer to compare them,
 * or what was chosen.
 *
 * @param {{ turn: Turn }} props
 */
export function Pair({ turn }) {
  if (!turn.pair) return null;
  if (turn.pair.outcome) return html`<${Chosen} turn=${turn} pair=${turn.pair} />`;
  return turn.pair.blind ? html`<${Question} turn=${turn} />` : html`<${Offer} turn=${turn} />`;
}

/** @param {Turn} turn @param {boolean} blind Whether the two stand side by side. */
function beside(turn, blind) {
  led = turn.id;
  changeTurn(turn.id, (old) => (old.pair ? { ...old, pair: { ...old.pair, blind } } : old));
}

/** @param {Turn} turn @param {{ current: HTMLElement | null }} element It gets the focus if it came by a choice. */
function useLed(turn, element) {
  useEffect(() => {
    if (led !== turn.id) return;
    led = "";
    element.current?.focus();
  }, []);
}

/** @param {{ turn: Turn }} props */
function Offer({ turn }) {
  const words = strings.votes.pair;
  const offer = useRef(/** @type {HTMLElement | null} */ (null));
  useLed(turn, offer);
  return html`
    <p ref=${offer} class="pair-offer" tabindex="-1">
      <span>${words.offer}</span>
      <button class="button small" onClick=${() => beside(turn, true)}>${words.open}</button>
    </p>
  `;
}

/** @param {{ turn: Turn }} props */
function Question({ turn }) {
  const words = strings.votes.pair;
  const title = useId();
  const section = useRef(/** @type {HTMLElement | null} */ (null));
  const [busy, setBusy] = useState(/** @type {Outcome | null} */ (null));
  const [wrong, setWrong] = useState(/** @type {{ error: unknown, outcome: Outcome } | null} */ (null));

  /** @param {Outcome} outcome */
  async function choose(outcome) {
    if (busy) return;
    setBusy(outcome);
    setWrong(null);
    led = turn.id;
    try {
      await prefer(turn, outcome);
    } catch (error) {
      led = "";
      setBusy(null);
      setWrong({ error, outcome });
    }
  }

  useKeys(section, choose);
  useLed(turn, section);
  return html`
    <section ref=${section} class="pair" tabindex="-1" aria-labelledby=${title}>
      <h3 id=${title}>${words.title}</h3>
      <p class="faint">${words.hint} <span class="pair-keys">${words.keys}</span></p>
      <div class="pair-outcomes">
        ${OUTCOMES.map(
          (one) => html`<button
            key=${one}
            class="button"
            aria-keyshortcuts=${words.short[one]}
            aria-busy=${busy === one}
            onClick=${() => choose(one)}
          >
            ${words.outcomes[one]} <kbd aria-hidden="true">${words.short[one]}</kbd>
          </button>`,
        )}
        <button class="button quiet" onClick=${() => beside(turn, false)}>${words.notNow}</button>
      </div>
      ${wrong &&
      html`<div class="failure" role="alert">
        <p>${strings.votes.failed} ${told(wrong.error)}</p>
        ${again(wrong.error) && html`<button class="button" onClick=${() => choose(wrong.outcome)}>${strings.again}</button>`}
      </div>`}
    </section>
  `;
}

/**
 * The keys, while the focus is in the turn: on one of the answers, or on the buttons below.
 *
 * @param {{ current: HTMLElement | null }} section
 * @param {(outcome: Outcome) => void} choose
 */
function useKeys(section, choose) {
  const now = useRef(choose);
  now.current = choose;
  useEffect(() => {
    const turn = section.current?.closest("[data-turn]") ?? section.current;
    /** @param {Event} event */
    const pressed = (event) => {
      if (!(event instanceof KeyboardEvent) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest("input, textarea, select, dialog")) return;
      const outcome = OUTCOMES.find((one) => strings.votes.pair.short[one] === event.key.toLowerCase());
      if (!outcome) return;
      event.preventDefault();
      now.current(outcome);
    };
    turn?.addEventListener("keydown", pressed);
    return () => turn?.removeEventListener("keydown", pressed);
  }, []);
}

/** @param {{ pair: Two }} props What was said, and who gave them. */
function Told({ pair }) {
  const words = strings.votes.pair;
  const outcome = pair.outcome ?? "tie";
  const [first, second] = pair.versions ?? [];
  const whose = first === second ? words.sameVersion(first) : words.gave(first, second);
  return html`
    <p>
      <strong>${words.chose[outcome]}</strong>
      ${outcome === "first" || outcome === "second" ? ` ${words.goesOn} ` : " "}
      ${first && html`<span class="faint">${whose}</span>`}
    </p>
  `;
}

/** @param {{ turn: Turn, pair: Two }} props */
function Chosen({ turn, pair }) {
  const words = strings.votes.pair;
  const id = /** @type {string} */ (pair.preference_id);
  const [telling, setTelling] = useState(false);
  const [comment, setComment] = useState(/** @type {string | null} */ (null));
  const [note, setNote] = useState("");
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const region = useRef(/** @type {HTMLElement | null} */ (null));
  useLed(turn, region);

  /** @param {() => Promise<void>} act */
  async function done(act) {
    setError(null);
    setNote("");
    try {
      await act();
    } catch (wrong) {
      led = "";
      setError(wrong);
    }
  }

  const takeBack = () =>
    done(async () => {
      led = turn.id;
      await retract({ id, conversation: turn.conversation, turn: turn.id });
      toast(words.takenBack);
    });
  /** @param {SubmitEvent} event */
  const send = (event) => {
    event.preventDefault();
    void done(async () => {
      await prefer(turn, pair.outcome ?? "tie", comment?.trim() ?? "");
      setComment(null);
      setNote(words.commentKept);
    });
  };
  const problem = fieldOf(error) === "comment" ? told(error) : "";
  return html`
    <section ref=${region} class="pair pair-chosen" tabindex="-1" aria-label=${words.chosen}>
      <${Told} pair=${pair} />
      <div class="judging-row">
        <button
          class="button quiet small"
          aria-expanded=${comment !== null}
          onClick=${() => setComment(comment === null ? (pair.comment ?? "") : null)}
        >
          ${words.comment}
        </button>
        <button class="button quiet small" aria-haspopup="dialog" onClick=${() => setTelling(true)}>${strings.votes.became}</button>
        <button class="button quiet small" onClick=${takeBack}>${words.takeBack}</button>
        <span class="vote-note faint" role="status">${note}</span>
      </div>
      ${error !== null && !problem && html`<p class="failure" role="alert">${strings.votes.failed} ${told(error)}</p>`}
      ${comment !== null &&
      html`<form class="vote-panel" aria-label=${words.comment} onSubmit=${send} novalidate>
        <${Words}
          name=${strings.votes.comment}
          hint=${strings.votes.commentHint}
          rows="3"
          most=${COMMENT_CHARS}
          value=${comment}
          problem=${problem}
          onInput=${setComment}
        />
        <footer><span class="spacer"></span><button class="button primary">${strings.votes.send}</button></footer>
      </form>`}
      ${telling && html`<${Became} kind="preference" id=${id} onClose=${() => setTelling(false)} />`}
    </section>
  `;
}
