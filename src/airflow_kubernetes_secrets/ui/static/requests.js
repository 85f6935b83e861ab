// Requests to the routes of ui/app.py.

import { query } from "./state.js";

// Longer than a request waits on the server for a LIST.
const TIMEOUT_MS = 90000;

// How often a request is sent again if the server is busy, and the longest pause that the server can ask for. A proxy can
// ask for minutes.
const RETRIES = 20;
const LONGEST_PAUSE_SECONDS = 5;

const INCOMPLETE = "The response of Airflow's API server is incomplete, or a proxy has replaced it. Reload the page.";

/** Return the JSON of a response. Without one, throw an Error with a message for the user. */
export const getJson = (path, parameters, controller) => get(path, parameters, controller, (response) => response.json());

/** Return a response as a file. Without one, throw an Error with a message for the user. */
export const getFile = (path, parameters, controller) => get(path, parameters, controller, (response) => response.blob());

async function get(path, parameters, controller, read) {
  const address = `${path}?${new URLSearchParams(parameters)}`;
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  let response;
  try {
    response = await fetchWhenReady(address, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (controller.signal.aborted) throw error;
    throw new Error("Airflow's API server does not respond. Try again in a moment.");
  }
  if (response.status === 401) {
    // Without a login, this page leads to Airflow's login in the whole window. The address of the window may not yet
    // contain the last choice of the user, so this address does.
    location.replace(`${location.pathname}?${query()}`);
    throw new Error("You are logged out.");
  }
  if (!response.ok) throw await failure(response);
  // A proxy can respond with a page, for example with its own login.
  if (response.headers.get("Content-Type")?.startsWith("text/html")) throw new Error(INCOMPLETE);
  try {
    return await read(response);
  } catch {
    throw new Error(INCOMPLETE);
  }
}

/** Return the response. If the server is busy, wait as long as it asks for, and try again. */
async function fetchWhenReady(address, options) {
  for (let retries = RETRIES; ; retries--) {
    const response = await fetch(address, options);
    const seconds = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || !(seconds > 0 && seconds <= LONGEST_PAUSE_SECONDS) || !retries) return response;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

/** Return the error of a response. Its `failures` are messages in parts, if the server sends some. */
async function failure(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // The response of a proxy can be an HTML page.
  }
  const detail = typeof body?.detail === "string" ? body.detail : "";
  const invalid = response.status === 422 ? "The address contains an invalid value." : "";
  const unknown = `Airflow's API server responded with ${response.status}. Its log shows the reason.`;
  const failures = Array.isArray(body?.failures) && body.failures.length ? { failures: body.failures } : {};
  return Object.assign(new Error(detail || invalid || unknown), failures);
}
