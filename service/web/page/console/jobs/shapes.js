/** What the service says about jobs, its words for people, and what can be done about one. */
import { toast } from "../../kit/toast.js";
import { confirm } from "../../kit/dialog.js";
import { api } from "../../lib/api.js";
import { link } from "../../lib/router.js";
import { said } from "../../lib/said.js";
import { strings } from "../strings.js";
import { scopeName } from "../scopes.js";

/**
 * @typedef {object} Ingestion
 * @property {string} id
 * @property {"ingest"} kind
 * @property {Status} status
 * @property {string} stage
 * @property {number} percent
 * @property {number} attempts
 * @property {number} created_at
 * @property {number} updated_at
 * @property {{ code: string, message: string, reason: string } | null} last_error
 * @property {string} vector_store_id
 * @property {string} file_id
 * @property {string} filename
 *
 * @typedef {object} Training
 * @property {string} id
 * @property {"train"} kind
 * @property {Status} status
 * @property {string} stage
 * @property {number} percent
 * @property {number} attempts
 * @property {number} created_at
 * @property {number} updated_at
 * @property {string} reason
 * @property {string} cycle_id
 * @property {string} scope
 * @property {string | null} version
 *
 * @typedef {"in_progress" | "completed" | "failed" | "cancelled"} Status
 * @typedef {Ingestion | Training} Job
 */

export const STATES = /** @type {const} */ (["in_progress", "completed", "failed", "cancelled"]);

/** @param {string} id @returns {string} */
export const jobPath = (id) => `/v1/jobs/${encodeURIComponent(id)}`;

/** @param {Job} job @returns {string} */
export const jobLink = (job) => link(["console", "jobs", job.id]);

/** @param {Job} job @returns {string} What it is about. */
export const jobName = (job) =>
  job.kind === "ingest" ? job.filename : strings.console.jobs.cycleFor(scopeName(job.scope));

/** @param {Job} job @returns {string} Where what it is about is looked at. */
export const subjectLink = (job) =>
  job.kind === "ingest"
    ? link(["console", "documents", job.vector_store_id, job.file_id])
    : link(["console", "cycles", job.cycle_id]);

/** @param {Job} job */
export const cancellable = (job) => job.status === "in_progress";

/** @param {Job} job */
export const retryable = (job) => job.status === "failed" || job.status === "cancelled";

/** @param {Job} job @returns {Promise<Job | null>} As it is then; null where it was not cancelled. */
export async function cancel(job) {
  const words = strings.console.jobs;
  const answer = await confirm({
    title: words.cancelTitle,
    text: `${jobName(job)}: ${job.kind === "ingest" ? words.cancelIngest : words.cancelTrain}`,
    action: words.cancelAction,
    danger: true,
  });
  return answer && act(job, "cancel", words.cancelled);
}

/** @param {Job} job @returns {Promise<Job | null>} The one that does it: of a cycle a new one. Null where that may not be. */
export const retry = (job) => act(job, "retry", strings.console.jobs.retried);

/** @param {Job} job @param {string} what @param {string} done @returns {Promise<Job | null>} */
async function act(job, what, done) {
  try {
    const now = await api.post(`${jobPath(job.id)}/${what}`);
    toast(done);
    return now;
  } catch (error) {
    toast(said(error), "wrong");
    return null;
  }
}
