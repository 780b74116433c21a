/** The golden set: what is in it, putting another one in its place, and what is wrong with a file line by line. */
import { confirm } from "../../kit/dialog.js";
import { Loaded } from "../../kit/load.js";
import { toast } from "../../kit/toast.js";
import { api, ApiError } from "../../lib/api.js";
import { count, when } from "../../lib/format.js";
import { said } from "../../lib/said.js";
import { html, names, useRef, useState } from "../../lib/ui.js";
import { strings } from "../strings.js";
import { useDrop } from "../documents/dropping.js";
import { Facts } from "../facts.js";

const PATH = "/v1/evaluation/golden";

/** @typedef {{ id: string, question: string, expected: string, segment: string | null, tags: string[] }} Question */
/**
 * @typedef {object} GoldenSet
 * @property {"uploaded" | "setting" | "none"} source
 * @property {number} questions
 * @property {string | null} sha256
 * @property {number | null} uploaded_at
 * @property {number} by_gate Of the questions, those that the gate asks too.
 * @property {string} problem
 * @property {Question[]} rows The first ones.
 */
/** @typedef {{ name: string, problems: { line: number | null, text: string, given: string }[] }} Refused */

/** @param {{ load: import("../../kit/load.js").Load<GoldenSet> }} props */
export function Golden({ load }) {
  const words = strings.console.evaluation.golden;
  return html`
    <section class="card stack" aria-label=${words.title}>
      <h2>${words.title}</h2>
      <p class="faint">${words.intro}</p>
      <${Loaded} of=${load}>
        ${(/** @type {GoldenSet} */ set) => html`
          ${set.problem && html`<p class="note bad">${set.problem}</p>`}
          ${set.source === "none" ? html`<p class="nothing faint">${words.none}</p>` : html`<${There} set=${set} />`}
          ${set.source === "setting" ? html`<p class="note">${words.bySetting}</p>` : html`<${Put} load=${load} set=${set} />`}
        `}
      <//>
    </section>
  `;
}

/** @param {{ set: GoldenSet }} props */
function There({ set }) {
  const words = strings.console.evaluation.golden;
  return html`
    <${Facts}
      of=${[
        [words.questions, count(set.questions)],
        [words.byGate, set.by_gate < set.questions ? words.ofThem(count(set.by_gate)) : words.allOfThem],
        [words.source, words.sources[set.source]],
        [words.changed, set.uploaded_at !== null && when(set.uploaded_at)],
        [words.sha256, set.sha256 && html`<span class="version" title=${set.sha256}>${set.sha256.slice(0, 12)}</span>`],
      ]}
    />
    <details>
      <summary>${words.look}</summary>
      <ol class="golden">
        ${set.rows.map(
          (row) => html`<li>
            <p class="asked">${row.question}</p>
            <p class="small faint">${[row.expected, row.segment, ...row.tags].filter(Boolean).join(" · ")}</p>
          </li>`,
        )}
      </ol>
      ${set.questions > set.rows.length && html`<p class="faint small">${words.others(set.questions - set.rows.length)}</p>`}
    </details>
  `;
}

/** @param {{ load: import("../../kit/load.js").Load<GoldenSet>, set: GoldenSet }} props */
function Put({ load, set }) {
  const words = strings.console.evaluation.golden;
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(/** @type {Refused | null} */ (null));
  const put = async (/** @type {File} */ file) => {
    setBusy(true);
    setRefused(null);
    try {
      load.set(await api.put(PATH, new Blob([file], { type: "application/jsonl" })));
      toast(words.kept);
    } catch (error) {
      if (error instanceof ApiError && error.status === 400) setRefused(await wrong(error, file));
      else toast(said(error), "wrong");
    } finally {
      setBusy(false);
    }
  };
  const chosen = async (/** @type {Event} */ event) => {
    const field = /** @type {HTMLInputElement} */ (event.currentTarget);
    const file = field.files?.[0];
    if (file) await put(file);
    field.value = "";
  };
  const over = useDrop(([file]) => {
    if (file && !busy) put(file);
  });
  const drop = async () => {
    if (!(await confirm({ title: words.drop, text: words.dropText, action: words.drop, danger: true }))) return;
    try {
      load.set(await api.delete(PATH));
      toast(words.dropped);
    } catch (error) {
      toast(said(error), "wrong");
    }
  };
  return html`
    <div class=${names("dropping", over && "over")}>
      <p>
        <button class="button primary" disabled=${busy} onClick=${() => input.current?.click()}>
          ${set.source === "none" ? words.upload : words.replace}
        </button>
        <span class="faint">${words.orDrop}</span>
        ${set.source === "uploaded" && html`<button class="button danger" disabled=${busy} onClick=${drop}>${words.drop}</button>`}
      </p>
      <input ref=${input} hidden type="file" accept=".jsonl,.json,.txt" aria-label=${words.upload} onChange=${chosen} />
    </div>
    <details>
      <summary>${words.how}</summary>
      <p class="small">${words.howText}</p>
      <pre tabindex="0" aria-label=${words.how}>${words.example}</pre>
    </details>
    ${refused && html`<${Problems} refused=${refused} />`}
  `;
}

/** @param {{ refused: Refused }} props */
function Problems({ refused }) {
  const words = strings.console.evaluation.golden;
  return html`
    <div class="failure" role="alert">
      <p><strong>${words.refused(refused.name)}</strong></p>
      <ul class="problems">
        ${refused.problems.map(
          (one) => html`<li>
            ${one.line !== null && html`<strong>${words.line(one.line)} </strong>`}${one.text}
            ${one.given && html`<code>${one.given}</code>`}
          </li>`,
        )}
      </ul>
    </div>
  `;
}

/**
 * What is wrong with a file: the service names each line, the browser has what stands there.
 *
 * @param {ApiError} error
 * @param {File} file
 * @returns {Promise<Refused>}
 */
async function wrong(error, file) {
  const lines = (await file.text()).split("\n");
  const problems = error.message.split(/; (?=line \d+: |and \d+ more$)/).map((text) => {
    const found = /^line (\d+): (.*)$/s.exec(text);
    if (!found) return { line: null, text, given: "" };
    const line = Number(found[1]);
    return { line, text: found[2], given: (lines[line - 1] ?? "").trim().slice(0, 200) };
  });
  return { name: file.name, problems };
}
