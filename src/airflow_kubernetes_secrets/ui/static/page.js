// The script of the page. Everything that comes from Secrets is inserted as text, never as HTML.

const PAGE = 50;
const TYPING_MS = 200;
const SETTLING_MS = 500;
// Longer than a request waits on the server for a LIST.
const PATIENCE_MS = 90000;

const KINDS = { "": "All", connection: "Connections", variable: "Variables", config: "Options" };
const COLUMNS = [
  ["kind", "Kind"],
  ["id", "Id"],
  ["team", "Team"],
  ["problems", "Problems"],
  ["secret", "Secret"],
  ["shape", "Shape"],
  ["conn_type", "Type"],
  ["host", "Host"],
  ["owner", "Owner"],
  ["age", "Age"],
];
// Values of the problem filter that are not problem codes.
const SPECIAL = { any: "With problems", none: "Without problems", hides: "Hides an entry of Airflow's" };
const PLACES = { environment: "hides environment", "metadata-db": "hides database" };

/** Return a property of the object itself, not an inherited one such as `constructor`. */
const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

const $ = (id) => document.getElementById(id);

// Invisible characters, and characters that change how others are shown. This is the set that messages/printable.py escapes.
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character) {
  const code = character.codePointAt(0).toString(16);
  if (code.length > 4) return `\\U${code.padStart(8, "0")}`;
  return NAMED[character] ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
}

/** Return a name as one line in which every character is visible. */
function printable(name) {
  return String(name).replace(UNSEEN, escaped);
}

/** Return a text in which every character except a line break is visible. */
function printableLines(text) {
  return String(text).split("\n").map(printable).join("\n");
}

/** Return an element with these attributes. Children are elements or strings. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, name === "title" ? printableLines(value) : value);
  }
  const shown = children.filter((child) => child !== null && child !== "");
  element.append(...shown.map((child) => (child instanceof Node ? child : printableLines(child))));
  return element;
}

// What the table shows. The address of the page contains this state too.
const state = { search: "", kind: "", team: "", problem: "", order: "id", descending: false, offset: 0 };
let shown = null;
let selected = null;
let listing = null;
let telling = null;

function readAddress() {
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

async function writeAddress() {
  await settled;
  const address = new URLSearchParams();
  for (const [name, value] of Object.entries(state))
    if (value && !(name === "order" && value === "id")) address.set(name, value);
  if (selected) {
    address.set("of", selected.kind);
    address.set("id", selected.id);
    if (selected.team) address.set("id-team", selected.team);
  }
  history.replaceState(null, "", `${location.pathname}${address.size ? `?${address}` : ""}`);
}

/** Return the JSON of a response. Without one, throw an Error with a message for the user. */
async function ask(path, parameters, controller) {
  const address = `${path}?${new URLSearchParams(parameters)}`;
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(PATIENCE_MS)]);
  let response;
  try {
    response = await fetch(address, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (controller.signal.aborted) throw error;
    throw new Error("Airflow's API server does not answer. Try again in a moment.");
  }
  if (response.status === 401) throw new Error("You are logged out. Reload Airflow and log in again.");
  let body = null;
  try {
    body = await response.json();
  } catch {
    // A proxy may have answered with an HTML page.
  }
  if (response.ok && body !== null) return body;
  const detail = typeof body?.detail === "string" ? body.detail : "";
  if (response.status === 422 && !detail) throw new Error("The address asks for something that there is not.");
  throw new Error(detail || `Airflow's API server answers with ${response.status}. Its log says why.`);
}

async function list({ anew = false, focus = false } = {}) {
  listing?.abort();
  const controller = (listing = new AbortController());
  writeAddress();
  document.querySelector("table").setAttribute("aria-busy", "true");
  try {
    const answer = await ask("api/entries", { ...state, limit: PAGE, anew }, controller);
    if (answer.entries.length === 0 && answer.matching > 0) {
      // There are fewer entries than when this page of the table was requested.
      state.offset = Math.floor((answer.matching - 1) / PAGE) * PAGE;
      return list({ focus });
    }
    shown = answer;
    showNotices(answer);
    showTable(answer, focus);
  } catch (error) {
    if (controller !== listing) return;
    showFailure(error);
  }
  if (controller === listing) document.querySelector("table").setAttribute("aria-busy", "false");
}

function showNotices(answer) {
  const notices = answer.failures.map((text) => make("div", { class: "notice error", role: "alert" }, text));
  if (answer.not_permitted.length) {
    const text = `Not shown, since your role may not read them in Airflow: ${answer.not_permitted.join(", ")}.`;
    notices.push(make("div", { class: "notice warning", role: "note" }, text));
  }
  $("notices").replaceChildren(...notices);
  $("place").textContent = printable(`${answer.place}, as of ${new Date(answer.taken_at).toLocaleTimeString()}`);
  $("place").title = $("place").textContent;
}

function showTable(answer, focus) {
  const counts = answer.counts;
  showKinds(counts.kind, answer.not_permitted);
  showChoices($("team"), state.team, "All teams", counts.team, (name) => name);
  showChoices(
    $("problem"),
    state.problem,
    "With and without problems",
    counts.problem,
    (name) => own(SPECIAL, name) ?? name,
  );
  // Once it is shown, the team filter stays, so that nothing moves while the user types.
  if (Object.keys(counts.team).some((name) => name !== "no team")) $("team").hidden = false;
  showColumns();
  $("rows").replaceChildren(...answer.entries.map(row));
  showNothing(answer);
  const first = answer.offset + 1;
  const last = answer.offset + answer.entries.length;
  const all = answer.matching === answer.total ? "" : `, of ${answer.total} in all`;
  $("count").textContent = answer.entries.length ? `${first} to ${last} of ${answer.matching}${all}` : "None";
  $("previous").disabled = answer.offset === 0;
  $("next").disabled = last >= answer.matching;
  if (focus) $("table").scrollTo({ top: 0 });
  if (focus) $("rows").querySelector("button")?.focus();
}

function showKinds(counts, notPermitted) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const plurals = { connection: "connections", variable: "variables", config: "config" };
  const buttons = Object.entries(KINDS)
    .filter(([kind]) => !notPermitted.includes(plurals[kind]))
    .map(([kind, title]) =>
      make(
        "button",
        {
          type: "button",
          "data-kind": kind,
          "aria-pressed": String(state.kind === kind),
          onclick: () => choose("kind", kind),
        },
        title,
        make("span", { class: "number" }, String(kind ? (counts[kind] ?? 0) : all)),
      ),
    );
  keepFocus($("kinds"), "data-kind", buttons);
}

/** Replace the buttons, and keep the keyboard focus. */
function keepFocus(parent, attribute, buttons) {
  const name = parent.contains(document.activeElement) ? document.activeElement.getAttribute(attribute) : null;
  parent.replaceChildren(...buttons);
  if (name !== null) parent.querySelector(`[${attribute}="${CSS.escape(name)}"]`)?.focus();
}

function showChoices(select, chosen, all, counts, title) {
  const names = Object.keys(counts).sort(
    (one, other) => Object.hasOwn(SPECIAL, other) - Object.hasOwn(SPECIAL, one) || one.localeCompare(other),
  );
  if (chosen && !names.includes(chosen)) names.push(chosen);
  select.replaceChildren(
    make("option", { value: "" }, all),
    ...names.map((name) => make("option", { value: name }, printable(`${title(name)} (${own(counts, name) ?? 0})`))),
  );
  select.value = chosen;
}

function showColumns() {
  const headers = COLUMNS.map(([name, title]) => {
    const sorted = state.order === name ? (state.descending ? "descending" : "ascending") : null;
    return make(
      "th",
      { scope: "col", "aria-sort": sorted },
      make("button", { type: "button", "data-column": name, onclick: () => sortBy(name) }, title),
    );
  });
  keepFocus($("columns"), "data-column", headers);
}

function row(entry) {
  const isSelected = selected !== null && same(entry, selected);
  const open = () => explain(entry);
  return make(
    "tr",
    { class: entry.answers ? null : "unread", "aria-selected": String(isSelected), onclick: open },
    cell(entry.kind === "config" ? "option" : entry.kind),
    make("td", { title: printable(entry.id) }, make("button", { type: "button", class: "link" }, printable(entry.id))),
    cell(entry.team ?? ""),
    make("td", { class: "problems" }, ...entry.problems.map(problemBadge), ...entry.hidden.map(hiddenBadge)),
    cell(nameOf(entry)),
    cell(entry.shape.replace(/^key /, "").replace(/^['"](.*)['"]$/, "$1")),
    cell(entry.conn_type),
    cell(entry.host),
    cell(...ownerOf(entry)),
    cell(age(entry.created), entry.created),
  );
}

function problemBadge({ code, severity, text }) {
  return make("span", { class: `badge ${severity}`, title: text }, code);
}

function hiddenBadge({ place, text }) {
  return make("span", { class: "badge", title: text }, PLACES[place] ?? place);
}

function nameOf({ namespace, secret }) {
  return printable(namespace ? `${namespace}/${secret}` : secret);
}

/** Return the owner of a Secret for a cell: the owning object, and the title that also names the operator. */
function ownerOf({ owner }) {
  if (owner === null) return [""];
  const object = owner.kind ? `${owner.kind} ${owner.name}` : owner.operator;
  return [object, owner.kind ? `${owner.operator}: ${object}` : object];
}

/** Return a cell of one line. Its title shows what does not fit. */
function cell(text, title = text) {
  return make("td", { title: printable(title) }, printable(text));
}

function same(one, other) {
  return one.kind === other.kind && one.id === other.id && (one.team ?? "") === (other.team ?? "");
}

/** Return the age as kubectl shows it: in the largest unit that fits. */
function age(created) {
  const seconds = (Date.now() - Date.parse(created)) / 1000;
  if (!Number.isFinite(seconds)) return "";
  for (const [size, unit] of [
    [86400, "d"],
    [3600, "h"],
    [60, "m"],
  ])
    if (seconds >= size) return `${Math.floor(seconds / size)}${unit}`;
  return `${Math.max(0, Math.floor(seconds))}s`;
}

function showNothing(answer) {
  const nothing = $("nothing");
  nothing.hidden = answer.entries.length > 0;
  if (!nothing.hidden) nothing.replaceChildren(answer.total === 0 ? nothingThere(answer) : nothingMatches());
}

function nothingThere(answer) {
  const labels = Object.values(answer.labels).filter((label) => label !== null);
  return make(
    "div",
    { class: "state" },
    make("h2", {}, "There is none yet"),
    make(
      "p",
      {},
      `No Secret in ${answer.place} has one of the labels that this Airflow looks for: `,
      ...between(
        labels.map((label) => make("code", {}, label)),
        ", ",
      ),
      ".",
    ),
    make(
      "p",
      {},
      "Label a Secret, and it is here; or have one written by ",
      make("code", {}, "airflow-kubernetes-secrets put"),
      ". A misspelt label is not seen here: ",
      make("code", {}, "airflow-kubernetes-secrets check"),
      " finds it, in manifests.",
    ),
  );
}

function between(parts, text) {
  return parts.flatMap((part, position) => (position ? [text, part] : [part]));
}

function nothingMatches() {
  const id = state.search.trim();
  const buttons = [make("button", { type: "button", onclick: clear }, "Clear the filters")];
  for (const kind of id ? ["connection", "variable"] : []) {
    const lookup = { kind, id, team: null };
    if (!shown.not_permitted.includes(`${kind}s`)) {
      const question = printable(`Why is there no ${kind} '${id}'?`);
      buttons.push(make("button", { type: "button", onclick: () => explain(lookup) }, question));
    }
  }
  return make(
    "div",
    { class: "state" },
    make("h2", {}, "Nothing matches"),
    make("div", { class: "actions" }, ...buttons),
  );
}

function showFailure(error) {
  const again = make("button", { type: "button", onclick: () => list({ anew: true, focus: true }) }, "Try again");
  $("notices").replaceChildren();
  $("rows").replaceChildren();
  $("count").textContent = "Nothing could be read";
  $("nothing").hidden = false;
  $("nothing").replaceChildren(
    make(
      "div",
      { class: "state", id: "failure" },
      make("h2", {}, "The Secrets cannot be shown"),
      make("div", { class: "notice error", role: "alert" }, error.message),
      make("div", { class: "actions" }, again),
    ),
  );
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
  telling?.abort();
  const controller = (telling = new AbortController());
  const wasClosed = $("panel").hidden;
  selected = { kind: entry.kind, id: entry.id, team: entry.team };
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
    $("story").replaceChildren(...tell(await ask("api/story", lookup, controller), entry));
  } catch (error) {
    if (controller !== telling) return;
    const notice = make("div", { class: "notice error", role: "alert" }, error.message);
    $("story").replaceChildren(...ofSecret(entry), notice);
  }
}

/** Return the problems of a Secret in the table that the explanation of its id does not show. */
function ofSecret(entry, said = []) {
  const problems = (entry.problems ?? []).filter(({ text }) => !said.some((each) => each.text === text));
  return problems.length ? [part(`Secret ${nameOf(entry)}`, problems.map(problem))] : [];
}

function problem({ severity, text }) {
  return make("li", { class: severity }, text);
}

/** Return the parts of an explanation: first what to do, and then how the lookup went. */
function tell(story, entry) {
  const sections = [...story.findings, ...story.trace];
  return [
    make("p", { class: `mark ${story.verdict}`, "data-verdict": story.verdict }, story.headline),
    ...ofSecret(entry, story.problems),
    ...sections.map(({ title, lines }) => part(title, lines.map(line))),
  ];
}

function line({ text, tone }) {
  return make("li", { class: tone }, text);
}

function part(title, lines, style = "") {
  return make(
    "section",
    {},
    make("h3", {}, title),
    make("ul", {}, ...lines.map((line) => (line instanceof Node ? line : make("li", { class: style }, line)))),
  );
}

function markSelected() {
  [...$("rows").children].forEach((each, position) => {
    each.setAttribute("aria-selected", String(selected !== null && same(shown.entries[position], selected)));
  });
}

function close() {
  telling?.abort();
  const before = [...$("rows").children].find((each) => each.getAttribute("aria-selected") === "true");
  selected = null;
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
  $("refresh").addEventListener("click", () => list({ anew: true }));
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
selected = linked;
showColumns();
listen();
await list();
if (linked) explain(linked);
