// What the page shows. The address of the window contains it too, so reload, back and a shared link lead to the same
// view.

import { own } from "./dom.js";

const SETTLING_MS = 500;

// login.js stores the query of the address under this name.
const BEFORE_LOGIN = "kubernetes-secrets-query";

export const KINDS = { "": "All", connection: "Connections", variable: "Variables", config: "Options" };
export const COLUMNS = [
  ["id", "Id"],
  ["problems", "Problems"],
  ["secret", "Secret"],
  ["used_by", "Used by"],
  ["kind", "Kind"],
  ["team", "Team"],
  ["conn_type", "Type"],
  ["host", "Host"],
  ["shape", "Format"],
  ["owner", "Owner"],
  ["age", "Age"],
];

// What ui/app.py accepts as a parameter, in characters.
const LONGEST = 1000;

const START = { search: "", kind: "", team: "", problem: "", order: "id", descending: false, offset: 0 };

// The rows that the table shows: its filters, order and position.
export const state = { ...START };

// The response that the table shows; and the lookup that the panel explains, with the object of its row.
export const view = { shown: null, selected: null };

// The parameters of the address for the lookup that the panel explains, and for the object of its row.
const LOOKUP = { kind: "of", id: "id", team: "id-team" };
const OBJECT = { namespace: "id-namespace", secret: "id-secret", object_kind: "id-object" };
// Two keys of one bundle can mean the same id. The format of their rows names the key.
const SELECTED = { ...LOOKUP, ...OBJECT, shape: "id-format" };

// The window whose address people see: Airflow's, if this page is in its frame. Only Airflow may frame this page.
const whole = parent;
export const isFramed = whole !== window;

// Airflow puts the address of the frame behind its own. One `kubernetes-secrets` is enough.
const path = () => whole.location.pathname.replace(/(\/plugin\/[^/]+)\/.*/s, "$1");
const home = path();

/** Set the state and the lookup that the panel explains from the address. */
export function readAddress() {
  const before = beforeLogin();
  const given = new URLSearchParams(whole.location.search || location.search || before);
  Object.assign(state, START);
  for (const name of ["search", "kind", "team", "problem", "order"]) if (given.has(name)) state[name] = accepted(given.get(name));
  state.descending = given.get("descending") === "true";
  state.offset = Math.min(Math.max(0, Number.parseInt(given.get("offset"), 10) || 0), Number.MAX_SAFE_INTEGER);
  if (!COLUMNS.some(([name]) => name === state.order)) state.order = "id";
  if (own(KINDS, state.kind) === undefined) state.kind = "";
  const selected = Object.entries(SELECTED).map(([name, parameter]) => [name, given.get(parameter)]);
  view.selected = given.get("id") ? Object.fromEntries(selected) : null;
}

/** Return the beginning of a value, at most as long as the server accepts. */
const accepted = (value) => [...value].slice(0, LONGEST).join("");

/** Return the query of the address from before the login, once. */
function beforeLogin() {
  const query = sessionStorage.getItem(BEFORE_LOGIN);
  sessionStorage.removeItem(BEFORE_LOGIN);
  return query ?? "";
}

// Once the frame has loaded, Airflow's UI sets the address of the window. This page does so shortly after. Without the
// frame there is nothing to wait for, and the user may reload or go back at once.
const settled = new Promise((resolve) => {
  const soon = () => setTimeout(resolve, SETTLING_MS);
  if (!isFramed) resolve();
  else if (document.readyState === "complete") soon();
  else addEventListener("load", soon);
});

/** Put a choice of the user into the address. Each is an entry in the history, except for further letters of a search. */
export async function writeAddress() {
  // The state can change before the address may: the user chooses something else, or a request fails.
  const after = query();
  await settled;
  const before = new URLSearchParams(whole.location.search);
  const isNew = after.toString() !== before.toString() && !isTyping(before, after);
  write(after, isNew ? "pushState" : "replaceState");
}

/** Put the state into the current entry of the history. A new entry would lead back to the address that was corrected. */
export async function correctAddress() {
  const after = query();
  await settled;
  write(after, "replaceState");
}

/** Return the state and the lookup that the panel explains, as parameters of an address. */
export function query() {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) if (value && value !== START[name]) parameters.set(name, value);
  if (view.selected && !isTooLong(view.selected.id)) {
    for (const [name, parameter] of Object.entries(SELECTED)) {
      if (view.selected[name]) parameters.set(parameter, view.selected[name]);
    }
  }
  return parameters;
}

function write(parameters, method) {
  // The user may have gone to another page of Airflow in the meantime.
  if (path() !== home) return;
  // The state in the history is Airflow's own, which must remain.
  whole.history[method](whole.history.state, "", `${home}${parameters.size ? `?${parameters}` : ""}`);
}

function isTyping(before, after) {
  const others = (address) => [...address].filter(([name]) => name !== "search").join("&");
  return Boolean(before.get("search") && after.get("search")) && others(before) === others(after);
}

/** Call `show` whenever the user has gone back or forward to another address of this page. */
export function onReturn(show) {
  const returned = () => {
    if (path() !== home) return;
    readAddress();
    show();
  };
  whole.addEventListener("popstate", returned);
  addEventListener("pagehide", () => whole.removeEventListener("popstate", returned));
}

/** Return whether an id is too long for an address. */
export const isTooLong = (id) => [...id].length > LONGEST;

/** Set the lookup that the panel explains from a row of the table, or from a lookup that has none. */
export function select(entry) {
  view.selected = Object.fromEntries(Object.keys(SELECTED).map((name) => [name, entry[name]]));
}

/**
 * Return the row of the table that the panel explains, or undefined if the table does not have it. An id can have
 * several rows, and a Secret and a ConfigMap can have one name. The format of a Secret can change meanwhile. An address
 * without an object means the first row of the id.
 */
export function selectedRow() {
  const isSame = (entry, names) => Object.keys(names).every((name) => (entry[name] ?? "") === (view.selected[name] ?? ""));
  const entries = view.selected === null ? [] : view.shown?.entries ?? [];
  const steps = [SELECTED, { ...LOOKUP, ...OBJECT }, ...(view.selected?.secret ? [] : [LOOKUP])];
  return steps.map((names) => entries.find((entry) => isSame(entry, names))).find((entry) => entry !== undefined);
}
