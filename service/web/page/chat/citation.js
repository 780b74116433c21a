/** A marker in an answer as a button, and the card behind it: the passage with the words that the answer rests on. */
import { stripped, visible } from "../lib/hidden.js";
import { safeAddress } from "../lib/markdown.js";
import { html, names, render, useEffect, useLayoutEffect, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { Quoted } from "./quoted.js";
import { answerOf, card, cited, closeCard, closeSoon, openNow, openSide, openSoon, stay } from "./showing.js";
import { Mark } from "./votes-marks.js";

/** @typedef {import("../lib/conversations.js").Evidence} Evidence */
/** @typedef {import("../lib/conversations.js").Answer} Answer */

const MARGIN = 8;
const CARD_ID = "citation-card";

/** @param {Evidence} passage */
export const titleOf = (passage) => stripped(passage.title || passage.filepath);

/** @param {{ turn: string, answer: Answer, number: number }} props */
export function Cite({ turn, answer, number }) {
  const found = cited(answer, number);
  if (!found) return null;
  const doubtful = found.quotes.length > 0 && found.quotes.every((one) => !one.verified);
  const open = card.value?.turn === turn && card.value.answer === answer.key && card.value.number === number;
  /** @param {Event} event @param {boolean} pinned */
  const wanted = (event, pinned) => ({
    turn, answer: answer.key, number, anchor: /** @type {HTMLElement} */ (event.currentTarget), pinned,
  });
  return html`<button
    type="button"
    class=${names("cite", doubtful && "doubtful")}
    aria-label=${strings.chat.citation(number, titleOf(found.passage))}
    aria-expanded=${open && card.value?.pinned}
    aria-controls=${open ? CARD_ID : null}
    onPointerEnter=${(/** @type {PointerEvent} */ event) => event.pointerType === "mouse" && openSoon(wanted(event, false))}
    onPointerLeave=${closeSoon}
    onFocus=${(/** @type {FocusEvent} */ event) => {
      if (/** @type {HTMLElement} */ (event.currentTarget).matches(":focus-visible")) openSoon(wanted(event, false));
    }}
    onBlur=${closeSoon}
    onClick=${(/** @type {MouseEvent} */ event) => openNow(wanted(event, true))}
  >
    ${number}
  </button>`;
}

/** The one card of the page. It stands where its marker is: a modal window lets nothing outside of it be used. */
export function Card() {
  const anchor = card.value?.anchor;
  useEffect(() => {
    if (!anchor) return;
    const host = document.createElement("div");
    (anchor.closest("dialog") ?? document.body).append(host);
    render(html`<${Content} />`, host);
    return () => {
      render(null, host);
      host.remove();
    };
  }, [anchor]);
  return null;
}

function Content() {
  const shown = card.value;
  const found = shown && answerOf(shown);
  const what = shown && found && cited(found.answer, shown.number);
  return what ? html`<${Opened} key=${`${shown.answer} ${shown.number}`} shown=${shown} ...${found} ...${what} />` : null;
}

/**
 * @param {{ shown: import("./showing.js").Card, turn: import("../lib/conversations.js").Turn, answer: Answer,
 *     passage: Evidence, quotes: Evidence[] }} props
 */
function Opened({ shown, turn, answer, passage, quotes }) {
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  const place = usePlace(shown.anchor, element);
  useEffect(() => {
    const passage = element.current?.querySelector(".passage");
    const mark = passage?.querySelector("mark");
    // `scrollIntoView` would move the thread too.
    if (passage && mark) passage.scrollTop = mark.offsetTop - passage.clientHeight / 4;
  }, []);
  useEffect(() => {
    if (shown.pinned) element.current?.focus();
  }, [shown.pinned]);
  useEffect(() => {
    /** @param {PointerEvent} event */
    const elsewhere = (event) => {
      const at = /** @type {Node} */ (event.target);
      if (!element.current?.contains(at) && !shown.anchor.contains(at)) closeCard();
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [shown.anchor]);
  const words = strings.chat;
  const address = passage.url ? safeAddress(passage.url) : null;
  return html`
    <div
      id=${CARD_ID}
      ref=${element}
      class="citation-card"
      role="dialog"
      aria-label=${words.citation(shown.number, titleOf(passage))}
      tabindex="-1"
      style=${place}
      onPointerEnter=${stay}
      onPointerLeave=${closeSoon}
      onFocusIn=${() => shown.pinned || openNow({ ...shown, pinned: true })}
    >
      <div class="card-head">
        <span class="cite-number">${shown.number}</span>
        <div>
          <h3>${visible(titleOf(passage))}</h3>
          <p class="faint">${about(passage)}</p>
        </div>
        <button type="button" class="button quiet" aria-label=${strings.close} onClick=${() => closeCard(true)}>×</button>
      </div>
      <${Verified} quotes=${quotes} />
      <blockquote class="passage" dir="auto" tabindex="0">
        <${Quoted} text=${passage.content} start=${passage.start_index} quotes=${quotes} />
      </blockquote>
      <div class="row">
        <button type="button" class="button" onClick=${() => openSide({ kind: "source", passage, quotes, back: null })}>
          ${words.openSource}
        </button>
        ${address && html`<a class="button" href=${address.href} target="_blank" rel="noopener noreferrer">${words.website}</a>`}
        <${Mark} turn=${turn} answer=${answer} passage=${passage} />
      </div>
    </div>
  `;
}

/** @param {{ quotes: Evidence[] }} props */
export function Verified({ quotes }) {
  const words = strings.chat;
  if (!quotes.length) return null;
  const verified = quotes.some((one) => one.verified);
  return html`<p class="verification">
    <span class=${`badge ${verified ? "good" : "warn"}`}>${verified ? words.verified : words.unverified}</span>
    <span class="faint">${verified ? words.verifiedText : words.unverifiedText}</span>
  </p>`;
}

/** @param {Evidence} passage @returns {string} File, page and score. */
export function about(passage) {
  const words = strings.chat;
  return [
    stripped(passage.filepath),
    passage.page_start === null ? "" : words.page(passage.page_start, passage.page_end),
    words.score(passage.score.toFixed(2)),
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * Below its marker, or above where there is more room; a narrow screen has it at its foot.
 *
 * @param {HTMLElement} anchor
 * @param {{ current: HTMLElement | null }} element
 */
function usePlace(anchor, element) {
  const [place, setPlace] = useState(/** @type {Record<string, string>} */ ({ opacity: "0" }));
  useLayoutEffect(() => {
    const put = () => {
      const box = element.current?.getBoundingClientRect();
      const at = anchor.getBoundingClientRect();
      if (!box) return;
      if (!anchor.isConnected || at.bottom < 0 || at.top > innerHeight) return void closeCard();
      if (innerWidth < 640) return setPlace({});
      const below = at.bottom + MARGIN + box.height <= innerHeight || at.top < innerHeight / 2;
      const top = below ? at.bottom + MARGIN : at.top - MARGIN - box.height;
      const left = Math.min(Math.max(MARGIN, at.left - 24), innerWidth - box.width - MARGIN);
      setPlace({ top: `${Math.max(MARGIN, Math.min(top, innerHeight - box.height - MARGIN))}px`, left: `${left}px` });
    };
    put();
    window.addEventListener("resize", put);
    document.addEventListener("scroll", put, true);
    return () => {
      window.removeEventListener("resize", put);
      document.removeEventListener("scroll", put, true);
    };
  }, [anchor]);
  return place;
}
