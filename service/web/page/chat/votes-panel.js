/** What goes with a thumb: reasons, a comment, a better answer, marks and scores. Kept when it is sent, whole. */
import { html, names, useEffect, useId, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { Marking } from "./votes-marks.js";
import { groups, MOST_REASONS } from "./votes-reasons.js";
import { says } from "./votes-say.js";
import { fieldOf, told } from "./votes-told.js";

/** @typedef {import("../lib/conversations.js").Vote} Vote */

const COMMENT_CHARS = 4_000;
const CORRECTION_CHARS = 20_000;
/** How many characters before the end the rest is counted. */
const NEAR = 200;
const SCORES = [1, 2, 3, 4, 5];

/**
 * @param {{ id: string, answer: import("../lib/conversations.js").Answer, vote: Vote, busy: boolean, error: unknown,
 *     children?: import("../lib/ui.js").Children, onShown: () => void, onChange: (change: Partial<Vote>) => void, onSend: () => void, onWithdraw: () => void, onClose: () => void }} props
 *     `vote` is what would be sent; `children` stand above the button that sends it.
 */
export function Panel({ id, answer, vote, busy, error, children, onShown, onChange, onSend, onWithdraw, onClose }) {
  const words = strings.votes;
  const field = fieldOf(error);
  // As it was when it opened: what is emptied while writing does not close.
  const [opened, setOpened] = useState({
    correction: vote.correction !== "",
    evidence: vote.evidence.length > 0,
    scores: Object.keys(vote.scores).length > 0,
  });
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  useEffect(onShown, []);
  useEffect(() => {
    if (field && field in opened) setOpened((was) => ({ ...was, [field]: true }));
    const wrong = field && form.current?.querySelector(`[aria-invalid="true"], .vote-field.is-wrong button`);
    if (wrong instanceof HTMLElement) wrong.focus();
  }, [error]);
  /** @param {string} name */
  const problem = (name) => (field === name ? told(error) : "");
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    onSend();
  };
  return html`
    <form id=${id} ref=${form} class="vote-panel" aria-label=${words.panel[vote.rating ?? "none"]} onSubmit=${submit} novalidate>
      <header>
        <h3>${words.panel[vote.rating ?? "none"]}</h3>
        <button type="button" class="button quiet" aria-label=${strings.close} onClick=${onClose}>×</button>
      </header>
      <p class="faint">${words.optional}</p>
      ${vote.rating && html`<${Reasons} vote=${vote} declined=${answer.state === "not_found"} problem=${problem("reasons")} onChange=${onChange} />`}
      <${Words}
        name=${words.comment}
        hint=${words.commentHint}
        rows="2"
        most=${COMMENT_CHARS}
        value=${vote.comment}
        problem=${problem("comment")}
        onInput=${(/** @type {string} */ comment) => onChange({ comment })}
      />
      <details open=${opened.correction}>
        <summary>${words.correction}</summary>
        <${Words}
          name=${words.correction}
          hint=${words.correctionHint}
          named
          rows="5"
          most=${CORRECTION_CHARS}
          value=${vote.correction}
          problem=${problem("correction")}
          onInput=${(/** @type {string} */ correction) => onChange({ correction })}
        />
        ${!vote.correction &&
        html`<button type="button" class="button" onClick=${() => onChange({ correction: answer.text })}>${words.useText}</button>`}
      </details>
      ${answer.retrieved.length > 0 &&
      html`<details open=${opened.evidence} class=${names("vote-field", field === "evidence" && "is-wrong")}>
        <summary>${words.marks}</summary>
        <p class="faint">${words.marksHint}</p>
        <${Marking}
          passages=${answer.retrieved}
          marks=${vote.evidence}
          onMark=${(/** @type {Vote["evidence"]} */ evidence) => onChange({ evidence })}
        />
        <${Wrong} text=${problem("evidence")} />
      </details>`}
      <details open=${opened.scores} class=${names("vote-field", field === "scores" && "is-wrong")}>
        <summary>${words.scores}</summary>
        <p class="faint">${words.scoresHint}</p>
        <${Scores} scores=${vote.scores} onChange=${(/** @type {Record<string, number>} */ scores) => onChange({ scores })} />
        <${Wrong} text=${problem("scores")} />
      </details>
      ${children}
      <footer>
        ${answer.vote && html`<button type="button" class="button danger quiet" disabled=${busy} onClick=${onWithdraw}>${words.withdraw}</button>`}
        <span class="spacer"></span>
        <button class="button primary" aria-busy=${busy} disabled=${!says(vote)}>${busy ? words.sending : words.send}</button>
      </footer>
    </form>
  `;
}

/** @param {{ text: string, id?: string }} props */
function Wrong({ text, id }) {
  return text ? html`<p id=${id} class="wrong" role="alert">${text}</p>` : null;
}

/** @param {{ vote: Vote, declined: boolean, problem: string, onChange: (change: Partial<Vote>) => void }} props */
function Reasons({ vote, declined, problem, onChange }) {
  const words = strings.votes;
  const full = vote.reasons.length >= MOST_REASONS;
  /** @param {string} reason */
  const turn = (reason) =>
    onChange({
      reasons: vote.reasons.includes(reason) ? vote.reasons.filter((one) => one !== reason) : [...vote.reasons, reason],
    });
  return html`
    <div class=${names("vote-groups vote-field", problem && "is-wrong")}>
      ${groups(vote.rating ?? "up", declined).map(([signal, reasons]) => {
        const [name, teaches] = words.teaches[signal];
        return html`
          <fieldset key=${signal}>
            <legend>${name} <span class="faint">${teaches}</span></legend>
            <div class="vote-chips">
              ${reasons.map(
                (reason) => html`<button
                  type="button"
                  key=${reason}
                  class="button chip"
                  data-reason=${reason}
                  aria-pressed=${vote.reasons.includes(reason)}
                  disabled=${full && !vote.reasons.includes(reason)}
                  onClick=${() => turn(reason)}
                >
                  ${words.reasons[reason]}
                </button>`,
              )}
            </div>
          </fieldset>
        `;
      })}
      ${full && html`<p class="faint">${words.most}</p>`}
      <${Wrong} text=${problem} />
    </div>
  `;
}

/**
 * @param {{ name: string, hint: string, rows: string, most: number, value: string, problem: string,
 *     onInput: (text: string) => void, named?: boolean }} props `named`: its name stands above it already.
 */
export function Words({ name, hint, rows, most, value, problem, onInput, named = false }) {
  const field = useId();
  const left = most - [...value].length;
  return html`
    <div class="vote-words">
      <label for=${field}><span class=${named ? "unseen" : null}>${name}</span> <span class="faint">${hint}</span></label>
      <textarea
        id=${field}
        rows=${rows}
        value=${value}
        aria-invalid=${problem ? "true" : null}
        aria-describedby=${`${field}-wrong`}
        onInput=${(/** @type {InputEvent} */ event) => onInput(/** @type {HTMLTextAreaElement} */ (event.target).value)}
      ></textarea>
      ${left < NEAR && html`<p class=${left < 0 ? "wrong" : "faint"}>${strings.votes.left(left)}</p>`}
      <${Wrong} id=${`${field}-wrong`} text=${problem} />
    </div>
  `;
}

/** @param {{ scores: Record<string, number>, onChange: (scores: Record<string, number>) => void }} props */
function Scores({ scores, onChange }) {
  const words = strings.votes;
  /** @param {string} criterion @param {number} score Given again it is taken away. */
  const give = (criterion, score) => {
    const { [criterion]: old, ...rest } = scores;
    onChange(old === score ? rest : { ...rest, [criterion]: score });
  };
  return html`
    <div class="vote-scores">
      ${Object.entries(words.criteria).map(
        ([criterion, name]) => html`
          <div key=${criterion} role="group" aria-label=${name}>
            <span>${name}</span>
            <span class="vote-chips">
              ${SCORES.map(
                (score) => html`<button
                  type="button"
                  class="button chip"
                  aria-label=${words.scoreOf(name, score)}
                  aria-pressed=${scores[criterion] === score}
                  onClick=${() => give(criterion, score)}
                >
                  ${score}
                </button>`,
              )}
            </span>
          </div>
        `,
      )}
    </div>
  `;
}
