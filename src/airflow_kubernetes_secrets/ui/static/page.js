// The script of the page: what happens when the user does something.

import { copyButtons, explanationParts, ofSecret, part, URI } from "./details.js";
import { $, follow, make, printable, textNodes } from "./dom.js";
import { notices } from "./messages.js";
import { getFile, getJson } from "./requests.js";
import {
  correctAddress,
  isFramed,
  isTooLong,
  onReturn,
  readAddress,
  select,
  selectedRow,
  state,
  view,
  writeAddress,
} from "./state.js";
import { markSelected, PAGE, showColumns, showFailure, showNotices, showPlace, showTable } from "./table.js";
import { onTimeZone } from "./times.js";

const TYPING_MS = 200;

// After this, the browser has read a file that the user saves.
const SAVING_MS = 60000;

// The request for rows in progress, as { controller, isRefresh }, or null. The next one cancels it.
let listing = null;
// The AbortController of the request for an explanation in progress, or null. The next one cancels it.
let explaining = null;

// Whether the window is so narrow that page.css places the panel over the table.
const narrow = matchMedia("(max-width: 900px)");

const actions = { choose, clear, explain, sortBy };

/**
 * Request the rows, and show them. Return false if that fails, or if a later call replaces this one. A call that
 * replaces an unfinished refresh is a refresh too, or the rows could be older than the user's click on the button.
 */
async function list({ refresh = false, focus = false } = {}) {
  const controller = new AbortController();
  const isRefresh = refresh || Boolean(listing?.isRefresh);
  listing?.controller.abort();
  listing = { controller, isRefresh };
  const request = (fresh) => getJson("api/entries", { ...state, limit: PAGE, refresh: fresh }, controller);
  document.querySelector("table").setAttribute("aria-busy", "true");
  try {
    let answer = await request(isRefresh);
    if (answer.entries.length === 0 && answer.matching > 0) {
      // There are fewer entries than when this page of the table was requested.
      state.offset = Math.floor((answer.matching - 1) / PAGE) * PAGE;
      correctAddress();
      answer = await request(false);
    }
    view.shown = answer;
    showNotices(answer);
    showTable(answer, actions, focus);
    return true;
  } catch (error) {
    if (controller === listing?.controller) showFailure(error, tryAgain(state.offset));
    return false;
  } finally {
    if (controller === listing?.controller) {
      listing = null;
      document.querySelector("table").setAttribute("aria-busy", "false");
    }
  }
}

/** Return a function that requests this page of the table again. */
const tryAgain = (offset) => () => {
  state.offset = offset;
  listChosen({ refresh: true, focus: true });
};

/** Show the rows that the user has chosen, and put the choice into the address. */
function listChosen(options) {
  writeAddress();
  return list(options);
}

function choose(name, value) {
  state[name] = value;
  state.offset = 0;
  listChosen();
}

function clear() {
  Object.assign(state, { search: "", kind: "", team: "", problem: "", offset: 0 });
  $("search").value = "";
  $("search").focus();
  listChosen();
}

function sortBy(column) {
  // A first click on this column sorts in descending order, so that entries with problems come first.
  state.descending = state.order === column ? !state.descending : column === "problems";
  state.order = column;
  state.offset = 0;
  listChosen();
}

async function explain(entry) {
  select(entry);
  writeAddress();
  const wasClosed = $("panel").hidden;
  await showPanel(entry, wasClosed);
}

/** While the panel covers the table, keep the keyboard and screen readers in the panel. */
function keepFocusInPanel() {
  const covers = !$("panel").hidden && narrow.matches;
  document.querySelector("main").inert = covers;
  $("panel").ariaModal = covers ? "true" : null;
  if (covers && !$("panel").contains(document.activeElement)) $("panel").focus();
}

/** Return why the page cannot explain an id, or null if it can. */
function whyUnexplained(id) {
  if (id === URI) return "It is a URI, which may contain a password, so it is not shown. Correct the Secret's annotation.";
  if (isTooLong(id)) return "This page explains ids of at most 1,000 characters. Use the command airflow-kubernetes-secrets explain.";
  return null;
}

async function showPanel(entry, focus = false) {
  explaining?.abort();
  const controller = (explaining = new AbortController());
  markSelected();
  $("panel-title").replaceChildren(...textNodes(printable(entry.id)));
  $("copies").replaceChildren(copyButtons(entry));
  // While the same lookup is explained again, its last explanation stays.
  const lookup = JSON.stringify([entry.kind, entry.id, entry.team ?? null]);
  if ($("explanation").dataset.lookup !== lookup) $("explanation").replaceChildren(make("p", { class: "quiet line" }, "Looking it up"));
  $("explanation").dataset.lookup = lookup;
  $("panel").hidden = false;
  if (focus) $("panel").focus();
  keepFocusInPanel();
  const why = whyUnexplained(entry.id);
  if (why !== null) {
    $("explanation").replaceChildren(...ofSecret(entry), part("Id", [why], "warning"));
    return;
  }
  try {
    const lookup = { kind: entry.kind, id: entry.id, team: entry.team ?? "" };
    $("explanation").replaceChildren(...explanationParts(await getJson("api/explanation", lookup, controller), entry));
  } catch (error) {
    if (controller !== explaining) return;
    $("explanation").replaceChildren(...ofSecret(entry), ...notices(error));
  }
}

function close() {
  const before = [...$("rows").children].find((each) => each.getAttribute("aria-selected") === "true");
  view.selected = null;
  writeAddress();
  hidePanel();
  (before?.querySelector("button") ?? $("search")).focus();
}

function hidePanel() {
  explaining?.abort();
  delete $("explanation").dataset.lookup;
  $("panel").hidden = true;
  keepFocusInPanel();
  markSelected();
}

/** Show what the address says, after the user has gone back or forward. */
async function showAgain() {
  $("search").value = state.search;
  if (view.selected === null) hidePanel();
  await list();
  showPanelAgain();
}

/** Show the panel with the problems and the Secret of its row in the table. */
function showPanelAgain(focus = false) {
  if (view.selected === null) return;
  const { kind, id, team } = view.selected;
  // An address can name any Secret. The panel shows only what the table has.
  showPanel(selectedRow() ?? { kind, id, team }, focus);
}

async function refresh() {
  await list({ refresh: true });
  showPanelAgain();
}

/** Show the page of the table that begins at an offset. Return false if that fails. */
async function turnTo(offset, focus = false) {
  state.offset = Math.max(0, offset);
  const isShown = await listChosen({ focus });
  // After a failure, the table still shows the page from before. A later request has an offset of its own.
  if (!isShown && listing === null) state.offset = view.shown?.offset ?? 0;
  return isShown;
}

const turn = (pages) => turnTo(state.offset + pages * PAGE, true);

const turnToNumber = (page) => turnTo(((Math.min(page, Number($("page").max)) || 1) - 1) * PAGE);

const hasProblem = ({ problems, use }) => problems.length > 0 || use === "used-but-missing";

/** Move to the next or previous row with a problem. At the end of a page, turn to the next one. */
async function moveToProblem(step) {
  const rows = [...$("rows").children];
  const focused = rows.findIndex((row) => row.contains(document.activeElement));
  const at = focused >= 0 ? focused : rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
  const isProblem = (_row, position) => hasProblem(view.shown.entries[position]);
  const found =
    step > 0
      ? rows.findIndex((row, position) => position > at && isProblem(row, position))
      : rows.findLastIndex((row, position) => (at < 0 || position < at) && isProblem(row, position));
  if (found >= 0) {
    rows[found].querySelector("button").focus();
    rows[found].scrollIntoView({ block: "nearest" });
    if (!$("panel").hidden) explain(view.shown.entries[found]);
  } else if (!$(step > 0 ? "next" : "previous").disabled) {
    if (!(await turn(step))) return;
    // The panel can cover the rows, and keeps the focus then.
    if ($("rows").contains(document.activeElement)) document.activeElement.blur();
    const isThere = view.shown.entries.some(hasProblem);
    if (isThere) moveToProblem(step);
  }
}

/** Move the focus by rows. Return false if no row has the focus, so that the key keeps its usual effect. */
function move(rows) {
  const buttons = [...$("rows").querySelectorAll("button")];
  const position = buttons.indexOf(document.activeElement);
  if (position < 0) return false;
  buttons[position + rows]?.focus();
  return true;
}

/** Save all rows that match as a file. A link to the route would not show the user why a download has failed. */
async function save(format) {
  const { offset, ...filters } = state;
  try {
    const file = await getFile("api/export", { ...filters, format }, new AbortController());
    const href = URL.createObjectURL(file);
    follow(make("a", { href, download: `kubernetes-secrets.${format}` }));
    setTimeout(() => URL.revokeObjectURL(href), SAVING_MS);
  } catch (error) {
    showFailure(error, () => {
      if (view.shown !== null) showNotices(view.shown);
      save(format);
    });
  }
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
  $("refresh").addEventListener("click", refresh);
  $("previous").addEventListener("click", () => turn(-1));
  $("next").addEventListener("click", () => turn(1));
  $("page").addEventListener("change", () => turnToNumber(Number($("page").value)));
  $("close").addEventListener("click", close);
  narrow.addEventListener("change", keepFocusInPanel);
  for (const format of ["csv", "json"]) $(format).addEventListener("click", () => save(format));
  onReturn(showAgain);
  onTimeZone(() => {
    if (view.shown === null) return;
    showPlace(view.shown);
    showTable(view.shown, actions);
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && !$("panel").hidden) close();
    else if (event.key === "/" && !isTyping) $("search").focus();
    else if (event.key === "n" && !isTyping && view.shown) moveToProblem(1);
    else if (event.key === "p" && !isTyping && view.shown) moveToProblem(-1);
    else if (event.key === "ArrowDown" && document.activeElement === $("search"))
      $("rows").querySelector("button")?.focus();
    else if (!(event.key === "ArrowDown" && move(1)) && !(event.key === "ArrowUp" && move(-1))) return;
    event.preventDefault();
  });
}

readAddress();
$("search").value = state.search;
showColumns(actions);
listen();
// Without this, the keys would still go to Airflow's own part of the window.
if (isFramed) $("table").focus();
correctAddress();
await list();
showPanelAgain(true);
