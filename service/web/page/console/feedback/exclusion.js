/** Keeping a voter out of training, with a reason, and letting them count again. */
import { confirm } from "../../kit/dialog.js";
import { toast } from "../../kit/toast.js";
import { api } from "../../lib/api.js";
import { said } from "../../lib/said.js";
import { html } from "../../lib/ui.js";
import { strings } from "../strings.js";

/** @param {{ voter: { id: string, exclusion: unknown }, onDone: (voter: any) => void }} props */
export function Exclusion({ voter, onDone }) {
  const words = strings.console.feedback.exclusion;
  const path = `/v1/voters/${encodeURIComponent(voter.id)}/exclusion`;
  /** @param {() => Promise<any>} change @param {string} done */
  const make = async (change, done) => {
    try {
      onDone(await change());
      toast(done);
    } catch (error) {
      toast(said(error), "wrong");
    }
  };
  const exclude = async () => {
    const answer = await confirm({
      title: words.title,
      text: words.text(voter.id),
      action: words.exclude,
      danger: true,
      reason: words.reason,
    });
    if (!answer) return;
    if (!answer.reason.trim()) toast(words.needed, "wrong");
    else await make(() => api.put(path, { reason: answer.reason }), words.excluded);
  };
  const include = async () => {
    if (await confirm({ title: words.includeTitle, text: words.includeText(voter.id), action: words.include }))
      await make(() => api.delete(path), words.included);
  };
  return voter.exclusion
    ? html`<button class="button" onClick=${include}>${words.include}</button>`
    : html`<button class="button danger" onClick=${exclude}>${words.exclude}</button>`;
}
