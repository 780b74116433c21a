/** A part of the page that is loaded when it is first shown, so that nobody waits for what they do not look at. */
import { said } from "../lib/said.js";
import { html, useEffect, useState } from "../lib/ui.js";
import { strings } from "../strings.js";
import { toast } from "./toast.js";

/**
 * @param {() => Promise<any>} load Gives the component, such as `() => import("./big.js").then((file) => file.Big)`.
 * @param {{ waiting?: boolean }} [options] Whether to say that it is being loaded.
 * @returns {(props: any) => import("../lib/ui.js").View | null}
 */
export function later(load, { waiting = false } = {}) {
  /** @type {any} */
  let known = null;
  return function Later(props) {
    const [Part, setPart] = useState(() => known);
    useEffect(() => {
      if (Part) return;
      load().then(
        (part) => {
          known = part;
          setPart(() => part);
        },
        (error) => toast(error instanceof TypeError ? strings.unreachable : said(error), "wrong"),
      );
    }, []);
    if (Part) return html`<${Part} ...${props} />`;
    return waiting ? html`<p class="page-wait" role="status">${strings.loading}</p>` : null;
  };
}
