// The script of the page: what happens when the user does something.

import { explanationParts, ofSecret, part } from "./details.js";
import { $, make, printable } from "./dom.js";
import { ask } from "./requests.js";
import { readAddress, state, view, writeAddress } from "./state.js";
import { markSelected, showColumns, showFailure, showNotices, showTable } from "./table.js";

const PAGE = 50;
const TYPING_MS = 200;

// The requests in progress, which a later one cancels.
let listing = null;
let explaining = null;

const actions = { choose, clear, explain, sortBy };

async function list({ refresh = false, focus = false } = {}) {
  listing?.abort();
  const controller = (listing = new AbortController());
  writeAddress();
  document.querySelector("table").setAttribute("aria-busy", "true");
  try {
    const answer = await ask("api/entries", { ...state, limit: PAGE, anew: refresh }, controller);
    if (answer.entries.length === 0 && answer.matching > 0) {
      // There are fewer entries than when this page of the table was requested.
      state.offset = Math.floor((answer.matching - 1) / PAGE) * PAGE;
      return list({ focus });
    }
    view.shown = answer;
    showNotices(answer);
    showTable(answer, actions, focus);
  } catch (error) {
    if (controller !== listing) return;
    showFailure(error, () => list({ refresh: true, focus: true }));
  }
  if (controller === listing) document.querySelector("table").setAttribute("aria-busy", "false");
}

function choose(name, value) {
  state[name] = value;
  state.offset = 0;
  list();
}

function clear() {
  Object.assign(state, { search: "", kind: "", team: "", problem: "", offset: 0 });
  $("search").value = "";
  $("search").focus();
  list();
}

function sortBy(column) {
  // A first click on this column sorts in descending order, so that entries with problems come first.
  state.descending = state.order === column ? !state.descending : column === "problems";
  state.order = column;
  state.offset = 0;
  list();
}

async function explain(entry) {
  explaining?.abort();
  const controller = (explaining = new AbortController());
  const wasClosed = $("panel").hidden;
  view.selected = { kind: entry.kind, id: entry.id, team: entry.team };
  writeAddress();
  markSelected();
  $("panel-title").textContent = printable(entry.id);
  $("story").replaceChildren(make("p", { class: "quiet line" }, "Looking it up"));
  $("panel").hidden = false;
  if (wasClosed) $("panel").focus();
  if (entry.id === "(a URI)") {
    const why = "It is a URI, which may hold a password, so it is not shown. Correct the Secret's annotation.";
    $("story").replaceChildren(...ofSecret(entry), part("Id", [why], "warning"));
    return;
  }
  try {
    const lookup = { kind: entry.kind, id: entry.id, team: entry.team ?? "" };
    $("story").replaceChildren(...explanationParts(await ask("api/story", lookup, controller), entry));
  } catch (error) {
    if (controller !== explaining) return;
    const notice = make("div", { class: "notice error", role: "alert" }, error.message);
    $("story").replaceChildren(...ofSecret(entry), notice);
  }
}

function close() {
  explaining?.abort();
  const before = [...$("rows").children].find((each) => each.getAttribute("aria-selected") === "true");
  view.selected = null;
  $("panel").hidden = true;
  writeAddress();
  markSelected();
  (before?.querySelector("button") ?? $("search")).focus();
}

function turn(pages) {
  state.offset = Math.max(0, state.offset + pages * PAGE);
  list({ focus: true });
}

/** Move the focus by rows. Return false if no row has the focus, so that the key keeps its usual effect. */
function move(rows) {
  const buttons = [...$("rows").querySelectorAll("button")];
  const position = buttons.indexOf(document.activeElement);
  if (position < 0) return false;
  buttons[position + rows]?.focus();
  return true;
}

function listen() {
  let typing;
  $("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => choose("search", $("search").value), TYPING_MS);
  });
  $("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    choose("search", $("search").value);
  });
  $("team").addEventListener("change", () => choose("team", $("team").value));
  $("problem").addEventListener("change", () => choose("problem", $("problem").value));
  $("refresh").addEventListener("click", () => list({ refresh: true }));
  $("previous").addEventListener("click", () => turn(-1));
  $("next").addEventListener("click", () => turn(1));
  $("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && !$("panel").hidden) close();
    else if (event.key === "/" && !isTyping) $("search").focus();
    else if (event.key === "ArrowDown" && document.activeElement === $("search"))
      $("rows").querySelector("button")?.focus();
    else if (!(event.key === "ArrowDown" && move(1)) && !(event.key === "ArrowUp" && move(-1))) return;
    event.preventDefault();
  });
}

const linked = readAddress();
$("search").value = state.search;
view.selected = linked;
showColumns(actions);
listen();
await list();
if (linked) explain(linked);
