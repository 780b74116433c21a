/**
 * A table of any length: only the rows in sight are in the page. It scrolls with whatever scrolls around it, and its head
 * stays. Rows are reached with the arrow keys, Page Up and Down, Home and End, and opened with Enter or a click. Where it is
 * narrow each row becomes two lines: the main column, and the others below it.
 */
import { html, names, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { scroller, useNarrow, useWindow } from "./window.js";

const NARROW_PX = 640;
/** How many rows before the end the next page is asked for. */
const NEAR = 30;

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} name
 * @property {string} title The head; may be "" for a column of buttons (then give `label`).
 * @property {string} [label] What a screen reader calls a column without a title.
 * @property {(row: Row) => import("../lib/ui.js").Children} cell
 * @property {string} [width] A track of CSS grid, such as `8rem` or `minmax(0, 2fr)`; `minmax(0, 1fr)` if left out.
 * @property {(row: Row) => string | number | null | undefined} [sort] By what it sorts what is loaded; without it, it does not.
 * @property {boolean} [right] For numbers.
 * @property {"main" | "line" | "end" | "hide"} [phone] Where it goes when narrow: the first line, the second (the default),
 *     the end of the first, or nowhere. The first column is "main" unless another one is.
 */

/**
 * @template Row
 * @param {object} props
 * @param {string} props.label What the table is, for a screen reader.
 * @param {readonly Column<Row>[]} props.columns
 * @param {readonly Row[]} props.rows
 * @param {(row: Row) => string} props.rowKey
 * @param {(row: Row) => void} [props.onOpen] Enter, or a click on a row.
 * @param {(row: Row) => boolean} [props.here] Whether that row is the one being looked at.
 * @param {() => void} [props.onNear] The end of what is loaded is near: once for each number of rows. Leave it out when all
 *     is there.
 * @param {number} [props.total] How many there are, loaded or not, where that is known.
 * @param {{ name: string, down: boolean }} [props.sorted] How it is sorted at first; as given if left out.
 * @param {import("../lib/ui.js").Children} [props.empty] What stands there when there are no rows.
 * @param {number} [props.height] Of a row, in pixels.
 * @param {number} [props.phoneHeight] Of a row when narrow.
 */
export function Table({
  label,
  columns,
  rows,
  rowKey,
  onOpen,
  here,
  onNear,
  total,
  sorted,
  empty = strings.nothing,
  height = 44,
  phoneHeight = 64,
}) {
  const whole = useRef(/** @type {HTMLElement | null} */ (null));
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const narrow = useNarrow(whole, NARROW_PX);
  const tall = narrow ? phoneHeight : height;
  const [order, setOrder] = useState(sorted ?? null);
  const shown = useMemo(() => inOrder(rows, columns, order), [rows, columns, order]);
  const { first, end } = useWindow(body, shown.length, tall);
  const focus = useRows(body, shown.length, tall, (at) => onOpen?.(shown[at]));

  const asked = useRef(0);
  useEffect(() => {
    if (!onNear || rows.length === 0 || end < rows.length - NEAR || asked.current === rows.length) return;
    asked.current = rows.length;
    onNear();
  }, [end, rows.length, onNear]);

  // The row that has the focus stays in the page wherever one scrolls: if it went, so would the focus.
  const inPage = Array.from({ length: end - first }, (_, index) => first + index);
  if (focus.active < first) inPage.unshift(focus.active);
  if (focus.active >= end && focus.active < shown.length) inPage.push(focus.active);
  const tracks = columns.map((column) => column.width ?? "minmax(0, 1fr)").join(" ");
  const known = onNear ? (total ?? -1) : shown.length;
  return html`
    <div ref=${whole} class=${names("table", narrow && "narrow", onOpen && "opens")} style=${{ "--tracks": tracks }}>
      ${narrow && shown.length > 1 && html`<${SortBy} columns=${columns} order=${order} onOrder=${setOrder} />`}
      <div
        role="grid"
        aria-label=${label}
        aria-rowcount=${known < 0 ? -1 : known + 1}
        aria-colcount=${columns.length}
      >
        <div class=${narrow ? "unseen" : "table-head"} role="rowgroup">
          <div class="table-row" role="row" aria-rowindex="1">
            ${columns.map((column) => html`<${Head} column=${column} order=${order} onOrder=${setOrder} plain=${narrow} />`)}
          </div>
        </div>
        <div ref=${body} class="table-body" role="rowgroup" style=${{ height: `${shown.length * tall}px` }}>
          ${inPage.map((at) => {
            const row = shown[at];
            return html`<div
              key=${rowKey(row)}
              class=${names("table-row", here?.(row) && "here")}
              role="row"
              aria-rowindex=${at + 2}
              aria-selected=${here ? here(row) : null}
              tabindex=${at === focus.active ? 0 : -1}
              data-at=${at}
              style=${{ height: `${tall}px`, transform: `translateY(${at * tall}px)` }}
              onFocus=${() => focus.set(at)}
              onKeyDown=${focus.onKeyDown}
              onClick=${focus.onClick}
            >
              ${narrow ? html`<${Lines} columns=${columns} row=${row} />` : columns.map((column) => cell(column, row))}
            </div>`;
          })}
        </div>
      </div>
    </div>
    ${shown.length === 0 && html`<div class="table-empty faint">${empty}</div>`}
  `;
}

/** @param {Column<any>} column @param {any} row */
const cell = (column, row) => html`
  <div key=${column.name} class=${names("cell", column.right && "right")} role="gridcell">${column.cell(row)}</div>
`;

/** The two lines of a row where it is narrow. @param {{ columns: readonly Column<any>[], row: any }} props */
function Lines({ columns, row }) {
  const main = columns.find((column) => column.phone === "main") ?? columns[0];
  const others = columns.filter((column) => column !== main);
  return html`
    <div class="table-line">
      ${cell(main, row)} ${others.filter((column) => column.phone === "end").map((column) => cell(column, row))}
    </div>
    <div class="table-line faint">
      ${others.filter((column) => (column.phone ?? "line") === "line").map((column) => cell(column, row))}
    </div>
  `;
}

/**
 * @template Row
 * @param {readonly Row[]} rows
 * @param {readonly Column<Row>[]} columns
 * @param {{ name: string, down: boolean } | null} order
 * @returns {readonly Row[]}
 */
function inOrder(rows, columns, order) {
  const by = order && columns.find((column) => column.name === order.name)?.sort;
  if (!by) return rows;
  const sign = order.down ? -1 : 1;
  return rows
    .map((row) => ({ row, value: by(row) }))
    .sort((a, b) => {
      // What has no value comes last, whichever way it is sorted.
      if (a.value === null || a.value === undefined) return b.value === null || b.value === undefined ? 0 : 1;
      if (b.value === null || b.value === undefined) return -1;
      if (typeof a.value === "string" && typeof b.value === "string") return sign * collator.compare(a.value, b.value);
      return sign * (Number(a.value) - Number(b.value));
    })
    .map(({ row }) => row);
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/**
 * The row that the keys are at.
 *
 * @param {{ current: HTMLElement | null }} body
 * @param {number} rows
 * @param {number} height
 * @param {(at: number) => void} open
 */
function useRows(body, rows, height, open) {
  const [active, set] = useState(0);
  const wanted = useRef(/** @type {number | null} */ (null));
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const row = /** @type {HTMLElement | null} */ (body.current?.querySelector(`[data-at="${wanted.current}"]`));
    wanted.current = null;
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  });
  useEffect(() => {
    if (active >= rows) set(Math.max(0, rows - 1));
  }, [rows]);

  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    if (event.target !== event.currentTarget || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(scroller(/** @type {HTMLElement} */ (event.target)).clientHeight / height) - 2);
    /** @type {Record<string, number>} */
    const keys = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: rows - 1,
    };
    if (event.key === "Enter") open(active);
    else if (event.key in keys) {
      wanted.current = Math.max(0, Math.min(rows - 1, keys[event.key]));
      set(wanted.current);
    } else return;
    event.preventDefault();
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const inner = /** @type {Element} */ (event.target).closest("a, button, input, select, label, summary");
    const text = window.getSelection();
    if (inner || (text && !text.isCollapsed)) return;
    open(Number(/** @type {HTMLElement} */ (event.currentTarget).dataset.at));
  }

  return { active: Math.min(active, Math.max(0, rows - 1)), set, onKeyDown, onClick };
}

/** @typedef {{ name: string, down: boolean } | null} Order */

/** @param {{ column: Column<any>, order: Order, onOrder: (order: Order) => void, plain: boolean }} props */
function Head({ column, order, onOrder, plain }) {
  const mine = order?.name === column.name;
  const sorted = mine ? (order.down ? "descending" : "ascending") : "none";
  const name = column.title || html`<span class="unseen">${column.label ?? column.name}</span>`;
  return html`
    <div class=${names("cell", column.right && "right")} role="columnheader" aria-sort=${column.sort ? sorted : null}>
      ${column.sort && !plain
        ? html`<button
            class="table-sort"
            onClick=${() => onOrder({ name: column.name, down: mine ? !order.down : false })}
          >
            ${name}<span aria-hidden="true">${mine ? (order.down ? " ↓" : " ↑") : ""}</span>
          </button>`
        : name}
    </div>
  `;
}

/** Sorting where there is no room for a head. @param {{ columns: readonly Column<any>[], order: Order, onOrder: (order: Order) => void }} props */
function SortBy({ columns, order, onOrder }) {
  const able = columns.filter((column) => column.sort);
  if (able.length === 0) return null;
  /** @param {Event} event */
  const choose = (event) => {
    const [name, way] = /** @type {HTMLSelectElement} */ (event.currentTarget).value.split(" ");
    onOrder(name ? { name, down: way === "down" } : null);
  };
  return html`
    <label class="table-sort-by">
      ${strings.table.sortBy}
      <select value=${order ? `${order.name} ${order.down ? "down" : "up"}` : ""} onChange=${choose}>
        <option value="">${strings.table.asGiven}</option>
        ${able.flatMap((column) => [
          html`<option value=${`${column.name} up`}>${strings.table.up(column.title)}</option>`,
          html`<option value=${`${column.name} down`}>${strings.table.down(column.title)}</option>`,
        ])}
      </select>
    </label>
  `;
}
