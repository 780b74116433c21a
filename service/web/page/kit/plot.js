/**
 * A plot: lines over steps, or points with intervals. Its library comes when the first plot is shown. The figures are also
 * there as a table, for who cannot see the plot or wants the numbers.
 */
import { theme } from "../lib/theme.js";
import { html, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { colour, drawIntervals } from "./plot-marks.js";

/** @typedef {number | null} Maybe */
/**
 * @typedef {object} Line
 * @property {string} name
 * @property {readonly Maybe[]} y A value for each x; null where there is none.
 * @property {readonly Maybe[]} [low] Ends of the interval of each value.
 * @property {readonly Maybe[]} [high]
 * @property {readonly Maybe[]} [held] What each value is held against.
 */

const COLOURS = ["--accent", "--info", "--warn", "--good", "--bad", "--faint"];
const HEIGHT = 180;

/**
 * @param {object} props
 * @param {string} props.title Also its accessible name.
 * @param {string} [props.summary] What it shows, in words; for a screen reader.
 * @param {string} props.xTitle
 * @param {readonly number[]} props.x Rising.
 * @param {(x: number) => string} [props.xSaid] How an x is written.
 * @param {readonly Line[]} props.lines
 * @param {(y: number) => string} props.ySaid How a value is written.
 * @param {boolean} [props.points] Points that are not joined, as of things that are counted and not measured on a way.
 * @param {number} [props.height]
 */
export function Plot({ title, summary, xTitle, x, xSaid = String, lines, ySaid, points = false, height = HEIGHT }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const read = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {import("uplot") | null} */ (null));
  const [Library, setLibrary] = useState(/** @type {typeof import("uplot") | null} */ (null));
  const [failed, setFailed] = useState(false);
  const colours = useColours();
  const name = useId();
  const data = useMemo(() => /** @type {import("uplot").AlignedData} */ ([x, ...lines.map((line) => line.y)]), [x, lines]);
  // What the drawing functions read: they outlive the render that made them.
  const now = useRef({ lines, xSaid, ySaid });
  now.current = { lines, xSaid, ySaid };

  useEffect(() => {
    library().then(
      (found) => setLibrary(() => found),
      () => setFailed(true),
    );
  }, []);

  const shape = JSON.stringify([lines.map((line) => line.name), points, height]);
  useLayoutEffect(() => {
    const host = place.current;
    if (!Library || !host) return;
    const options = settings(host.clientWidth, height, lines, { points, now, colours, tell });
    const made = new Library(options, data, host);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      if (host.clientWidth && host.clientWidth !== made.width) made.setSize({ width: host.clientWidth, height });
    });
    resized.observe(host);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [Library, shape, colours]);

  useLayoutEffect(() => {
    plot.current?.setData(data);
  }, [data]);

  /** @param {number | null | undefined} at */
  function tell(at) {
    if (!read.current) return;
    const { lines, xSaid, ySaid } = now.current;
    const found = at === null || at === undefined ? null : /** @type {number | undefined} */ (plot.current?.data[0][at]);
    const values = lines.map((line) => line.y[/** @type {number} */ (at)]);
    read.current.textContent =
      found === null || found === undefined
        ? ""
        : `${xSaid(found)}: ${values.map((value) => (value === null || value === undefined ? "–" : ySaid(value))).join(" · ")}`;
  }

  return html`
    <figure class="plot">
      <figcaption>
        <span id=${name} class="plot-title">${title}</span>
        ${lines.length > 1 &&
        html`<span class="plot-names">
          ${lines.map(
            (line, at) =>
              html`<span><i style=${{ background: `var(${COLOURS[at % COLOURS.length]})` }}></i>${line.name}</span>`,
          )}
        </span>`}
        <span class="plot-read" aria-hidden="true" ref=${read}></span>
      </figcaption>
      <div
        ref=${place}
        class="plot-place"
        role="img"
        aria-label=${`${title}. ${summary ?? told(x, lines, xSaid, ySaid)}`}
        style=${{ height: `${height}px` }}
      ></div>
      ${failed && html`<p class="wrong">${strings.plot.failed}</p>`}
      <${Figures} ...${{ title, xTitle, x, xSaid, lines, ySaid }} />
    </figure>
  `;
}

/** The figures as a table, made when it is opened. @param {any} props */
function Figures({ title, xTitle, x, xSaid, lines, ySaid }) {
  const [open, setOpen] = useState(false);
  return html`
    <details class="plot-figures" onToggle=${(/** @type {Event} */ event) =>
      setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
      <summary>${strings.plot.figures}<span class="unseen"> ${title}</span></summary>
      ${open &&
      html`<div class="plot-table" tabindex="0" role="region" aria-label=${title}>
        <table>
          <thead>
            <tr>
              <th scope="col">${xTitle}</th>
              ${lines.map((/** @type {Line} */ line) => html`<th scope="col">${line.name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${x.map(
              (/** @type {number} */ one, /** @type {number} */ at) => html`<tr>
                <th scope="row">${xSaid(one)}</th>
                ${lines.map((/** @type {Line} */ line) => html`<td>${figure(line, at, ySaid)}</td>`)}
              </tr>`,
            )}
          </tbody>
        </table>
      </div>`}
    </details>
  `;
}

/** @param {Line} line @param {number} at @param {(y: number) => string} said @returns {string} */
function figure(line, at, said) {
  const value = line.y[at];
  if (value === null || value === undefined) return "–";
  const [low, high, held] = [line.low?.[at], line.high?.[at], line.held?.[at]];
  const known = typeof low === "number" && typeof high === "number" ? ` (${strings.plot.between(said(low), said(high))})` : "";
  return `${said(value)}${known}${typeof held === "number" ? `, ${strings.plot.held(said(held))}` : ""}`;
}

/**
 * Where each line begins and ends, in words.
 *
 * @param {readonly number[]} x
 * @param {readonly Line[]} lines
 * @param {(x: number) => string} xSaid
 * @param {(y: number) => string} ySaid
 * @returns {string}
 */
function told(x, lines, xSaid, ySaid) {
  return lines
    .map((line) => {
      const there = x.map((_, at) => at).filter((at) => typeof line.y[at] === "number");
      if (there.length === 0) return "";
      const [first, last] = [there[0], there[there.length - 1]];
      const said = (/** @type {number} */ at) => ySaid(/** @type {number} */ (line.y[at]));
      return strings.plot.told(line.name, said(first), xSaid(x[first]), said(last), xSaid(x[last]));
    })
    .join(" ");
}

/**
 * @param {number} width
 * @param {number} height
 * @param {readonly Line[]} lines
 * @param {{ points: boolean, now: { current: { lines: readonly Line[], xSaid: (x: number) => string, ySaid: (y: number) => string } }, colours: Record<string, string>, tell: (at: number | null | undefined) => void }} how
 * @returns {import("uplot").Options}
 */
function settings(width, height, lines, { points, now, colours, tell }) {
  const axis = { stroke: colours["--faint"], grid: { stroke: colours["--line"], width: 1 }, ticks: { show: false } };
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const ends = () => now.current.lines.flatMap((line) => [...(line.low ?? []), ...(line.high ?? []), ...(line.held ?? [])]);
  return {
    width: Math.max(width, 120),
    height,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 8 } },
    padding: [10, 12, 0, 0],
    scales: {
      x: {
        time: false,
        // By what is there, not by what is asked for: where there is one x alone, the library asks for more around it.
        range: (self) => {
          const xs = self.data[0];
          const [first, last] = [xs[0] ?? 0, xs[xs.length - 1] ?? 1];
          return points ? [first - 0.6, last + 0.6] : first === last ? [first - 1, last + 1] : [first, last];
        },
      },
      y: {
        range: (_, min, max) => {
          const values = [min, max, ...ends()].filter((one) => one !== null && Number.isFinite(one)).map(Number);
          const [low, high] = [Math.min(...values), Math.max(...values)];
          const room = (high - low || Math.abs(high) || 1) * 0.08;
          return [low - room, high + room];
        },
      },
    },
    axes: [
      {
        ...axis,
        grid: { ...axis.grid, show: !points },
        font,
        size: 28,
        space: points ? 28 : 60,
        incrs: points ? [1, 2, 5, 10, 20, 50, 100] : undefined,
        values: (_, at) => at.map((one) => (points && !Number.isInteger(one) ? "" : now.current.xSaid(one))),
      },
      { ...axis, font, size: 58, values: (_, at) => at.map((one) => now.current.ySaid(one)) },
    ],
    series: [
      {},
      ...lines.map((line, at) => {
        const stroke = colours[COLOURS[at % COLOURS.length]];
        return {
          label: line.name,
          stroke,
          width: points ? 0 : 2,
          points: { show: points || undefined, size: points ? 9 : 5, fill: stroke, stroke },
          spanGaps: true,
        };
      }),
    ],
    hooks: {
      setCursor: [(self) => tell(self.cursor.idx)],
      draw: [(self) => drawIntervals(self, now.current.lines, COLOURS.map((one) => colours[one]), colours["--faint"])],
    },
  };
}

/** The colours that the page has now; a new object whenever they change. @returns {Record<string, string>} */
function useColours() {
  const [turn, setTurn] = useState(0);
  const chosen = theme.value;
  useEffect(() => {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setTurn((old) => old + 1);
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  return useMemo(
    () => Object.fromEntries([...COLOURS, "--line"].map((one) => [one, colour(one)])),
    [chosen, turn],
  );
}

/** @type {Promise<typeof import("uplot")> | undefined} */
let asked;

/** The library and its style, once. @returns {Promise<typeof import("uplot")>} */
function library() {
  asked ??= (async () => {
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/page/vendor/uplot.css" });
    document.head.append(style);
    return (await import("uplot")).default;
  })();
  asked.catch(() => (asked = undefined));
  return asked;
}
