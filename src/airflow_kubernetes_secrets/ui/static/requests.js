// Requests to the routes of ui/app.py.

import { query } from "./state.js";

// Longer than a request waits on the server for a LIST.
const TIMEOUT_MS = 90000;

/** Return the JSON of a response. Without one, throw an Error with a message for the user. */
export async function getJson(path, parameters, controller) {
  const address = `${path}?${new URLSearchParams(parameters)}`;
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  let response;
  try {
    response = await fetch(address, { signal, headers: { Accept: "application/json" } });
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
  let body = null;
  try {
    body = await response.json();
  } catch {
    // A proxy may have answered with an HTML page.
  }
  if (response.ok && body !== null) return body;
  const detail = typeof body?.detail === "string" ? body.detail : "";
  if (response.status === 422 && !detail) throw new Error("The address contains an invalid value.");
  throw new Error(detail || `Airflow's API server responded with ${response.status}. Its log shows the reason.`);
}
