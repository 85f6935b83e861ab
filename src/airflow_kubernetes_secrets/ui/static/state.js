// What the page shows. The address of the page contains it too, so a link leads to the same view.

import { own } from "./dom.js";

const SETTLING_MS = 500;

export const KINDS = { "": "All", connection: "Connections", variable: "Variables", config: "Options" };
export const COLUMNS = [
  ["kind", "Kind"],
  ["id", "Id"],
  ["team", "Team"],
  ["problems", "Problems"],
  ["secret", "Secret"],
  ["shape", "Format"],
  ["conn_type", "Type"],
  ["host", "Host"],
  ["owner", "Owner"],
  ["age", "Age"],
];

// The rows that the table shows: its filters, order and position.
export const state = { search: "", kind: "", team: "", problem: "", order: "id", descending: false, offset: 0 };

// The response that the table shows, and the lookup that the panel explains.
export const view = { shown: null, selected: null };

/** Set the state from the address. Return the lookup that the address contains, or null. */
export function readAddress() {
  const given = new URLSearchParams(location.search);
  for (const name of ["search", "kind", "team", "problem", "order"]) if (given.has(name)) state[name] = given.get(name);
  state.descending = given.get("descending") === "true";
  state.offset = Math.max(0, Number.parseInt(given.get("offset"), 10) || 0);
  if (!COLUMNS.some(([name]) => name === state.order)) state.order = "id";
  if (own(KINDS, state.kind) === undefined) state.kind = "";
  return given.has("id") ? { kind: given.get("of"), id: given.get("id"), team: given.get("id-team") } : null;
}

// Airflow's UI follows the address of the page in its frame. While the page loads, Airflow's UI may mistake an older
// address for the current one and load that again. So the address does not change until shortly after the load.
const settled = new Promise((resolve) => {
  const soon = () => setTimeout(resolve, SETTLING_MS);
  if (document.readyState === "complete") soon();
  else addEventListener("load", soon);
});

/** Put the state into the address, without a new entry in the history. */
export async function writeAddress() {
  await settled;
  const address = new URLSearchParams();
  for (const [name, value] of Object.entries(state))
    if (value && !(name === "order" && value === "id")) address.set(name, value);
  if (view.selected) {
    address.set("of", view.selected.kind);
    address.set("id", view.selected.id);
    if (view.selected.team) address.set("id-team", view.selected.team);
  }
  history.replaceState(null, "", `${location.pathname}${address.size ? `?${address}` : ""}`);
}

/** Return whether two entries are about the same lookup. */
export function same(one, other) {
  return one.kind === other.kind && one.id === other.id && (one.team ?? "") === (other.team ?? "");
}
