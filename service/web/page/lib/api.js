/**
 * Calls to the service. The session cookie goes along by itself; the header below tells the service that this page sent
 * the request, which no other site can make a browser do.
 */
import { sseEvents } from "./sse.js";

const FROM_PAGE = { "X-Groundloop-Page": "1" };

/** What the service said was wrong, in its own words. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status; 0 when the service could not be reached.
   * @param {string} message
   * @param {string} [code]
   * @param {string | null} [param]
   * @param {number | null} [retryAfterS]
   */
  constructor(status, message, code = "", param = null, retryAfterS = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.param = param;
    this.retryAfterS = retryAfterS;
  }
}

/** @type {Set<() => void>} */
const refused = new Set();

/**
 * Be told when the service no longer knows who is asking.
 *
 * @param {() => void} then
 * @returns {() => void} Stops it.
 */
export function whenSignedOut(then) {
  refused.add(then);
  return () => refused.delete(then);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} [options] A body is sent as JSON,
 *     a FormData or a Blob as it is.
 * @returns {Promise<Response>}
 * @throws {ApiError} For everything but a 2xx.
 */
export async function request(method, path, { body, headers = {}, signal } = {}) {
  const whole = body instanceof FormData || body instanceof Blob;
  /** @type {Record<string, string>} */
  const json = body === undefined || whole ? {} : { "Content-Type": "application/json" };
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, {
      method,
      body: whole ? body : body === undefined ? undefined : JSON.stringify(body),
      headers: { ...FROM_PAGE, ...json, ...headers },
      signal,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "", "unreachable");
  }
  if (response.ok) return response;
  const failure = await failed(response);
  if (failure.status === 401) for (const then of refused) then();
  throw failure;
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function failed(response) {
  const retry = Number(response.headers.get("Retry-After"));
  /** @type {any} */
  let said = null;
  try {
    said = (await response.json()).error;
  } catch {
    // Not ours: a proxy's page, say.
  }
  return new ApiError(
    response.status,
    said?.message ?? `${response.status} ${response.statusText}`,
    said?.code ?? "",
    said?.param ?? null,
    Number.isFinite(retry) && retry > 0 ? retry : null,
  );
}

/** @param {Response} response @returns {Promise<any>} */
const data = async (response) => (response.status === 204 ? null : response.json());

export const api = {
  /** @param {string} path @param {AbortSignal} [signal] */
  get: async (path, signal) => data(await request("GET", path, { signal })),
  /** @param {string} path @param {unknown} [body] @param {Record<string, string>} [headers] */
  post: async (path, body = {}, headers) => data(await request("POST", path, { body, headers })),
  /** @param {string} path @param {unknown} body */
  put: async (path, body) => data(await request("PUT", path, { body })),
  /** @param {string} path */
  delete: async (path) => data(await request("DELETE", path)),
  /** @param {string} path @returns {Promise<string>} */
  text: async (path) => (await request("GET", path)).text(),
  /**
   * Post and read the answer as it comes: each event's data as an object, until `[DONE]`.
   *
   * @param {string} path
   * @param {unknown} body
   * @param {AbortSignal} signal
   * @param {Record<string, string>} [headers]
   * @returns {AsyncGenerator<any, void, void>}
   */
  stream: async function* (path, body, signal, headers) {
    const response = await request("POST", path, { body, signal, headers });
    if (response.body === null) return;
    for await (const text of sseEvents(response.body)) {
      if (text === "[DONE]") return;
      const event = JSON.parse(text);
      if (event.error) throw new ApiError(200, event.error.message, event.error.code ?? "", event.error.param ?? null);
      yield event;
    }
  },
  /**
   * Upload a file; `fetch` cannot tell how far it is.
   *
   * @param {File} file
   * @param {(share: number) => void} onProgress From 0 to 1.
   * @returns {Promise<any>} The file as the service knows it.
   */
  upload: (file, onProgress) =>
    new Promise((resolve, reject) => {
      const form = new FormData();
      form.set("purpose", "assistants");
      form.set("file", file);
      const sent = new XMLHttpRequest();
      sent.open("POST", "/v1/files");
      for (const [name, value] of Object.entries(FROM_PAGE)) sent.setRequestHeader(name, value);
      sent.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      sent.onerror = () => reject(new ApiError(0, "", "unreachable"));
      sent.onload = () => {
        const said = parsed(sent.responseText);
        if (sent.status >= 200 && sent.status < 300) resolve(said);
        else reject(new ApiError(sent.status, said?.error?.message ?? `${sent.status}`, said?.error?.code ?? ""));
      };
      sent.send(form);
    }),
};

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * A path with its query; what is null, undefined or "" is left out.
 *
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} query
 * @returns {string}
 */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}
