/** A button with a short list of things to do, or to choose, behind it. */
import { html, names, useEffect, useId, useLayoutEffect, useRef, useState } from "../lib/ui.js";

/**
 * @param {object} props
 * @param {import("../lib/ui.js").Children} props.label What the button shows.
 * @param {string} props.name What it is called.
 * @param {string} [props.kind] Its classes.
 * @param {(close: () => void) => import("../lib/ui.js").Children} props.children
 */
export function Menu({ label, name, kind = "button quiet small", children }) {
  const [open, setOpen] = useState(false);
  const whole = useRef(/** @type {HTMLDivElement | null} */ (null));
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const list = useId();
  const [above, setAbove] = useState(false);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const inside = whole.current;
    const first = inside?.querySelector("[data-menu] button, [data-menu] input, [data-menu] a");
    if (first instanceof HTMLElement) first.focus();
    /** @param {Event} event */
    const elsewhere = (event) => {
      if (event.target instanceof Node && !inside?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open]);
  useLayoutEffect(() => {
    const shown = open && whole.current?.querySelector("[data-menu]");
    if (!shown) return setAbove(false);
    // What scrolls would hide the end of the list, and what lies below it would cover it.
    const room = whole.current?.closest(".thread, .conversations")?.getBoundingClientRect().bottom ?? innerHeight;
    setAbove(shown.getBoundingClientRect().bottom > room);
  }, [open]);
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (!open || !["Escape", "ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return close();
    const items = /** @type {HTMLElement[]} */ ([
      ...(whole.current?.querySelectorAll("[data-menu] button, [data-menu] input, [data-menu] a") ?? []),
    ]);
    const at = items.findIndex((one) => one === document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    items[(at + items.length) % items.length]?.focus();
  };
  return html`
    <div class="menu" ref=${whole} onKeyDown=${keys}>
      <button
        ref=${button}
        type="button"
        class=${kind}
        aria-label=${name}
        title=${name}
        aria-expanded=${open}
        aria-controls=${list}
        onClick=${() => setOpen(!open)}
      >
        ${label}
      </button>
      ${open && html`<div id=${list} class=${names("menu-list", above && "above")} data-menu role="group" aria-label=${name}>${children(close)}</div>`}
    </div>
  `;
}
