/** The heading of a screen, with the way back to what it is in. */
import { html } from "../lib/ui.js";
import { strings } from "../strings.js";

/**
 * @param {{ title: string, up?: readonly [name: string, href: string][], children?: import("../lib/ui.js").Children }} props
 *     `children` stand at the end of the line: what can be done here.
 */
export function Heading({ title, up = [], children }) {
  return html`
    <header>
      <div class="heading">
        ${up.length > 0 &&
        html`<nav class="crumbs" aria-label=${strings.crumbs}>
          ${up.map(([name, href]) => html`<a href=${href}>${name}</a><span aria-hidden="true"> / </span>`)}
        </nav>`}
        <h1>${title}</h1>
      </div>
      <span class="spacer"></span>
      ${children}
    </header>
  `;
}
