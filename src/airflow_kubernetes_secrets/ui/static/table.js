// The table: its filters, columns, rows and what is shown if there are none.

import { $, make, own, printable, shortened } from "./dom.js";
import { badge, copyButton, notices } from "./messages.js";
import { COLUMNS, KINDS, selectedRow, state, view } from "./state.js";
import { showSummary } from "./summary.js";
import { localTime, recentTime } from "./times.js";

// How many rows a page has.
export const PAGE = 50;

// Values of the problem filter that are not problem codes.
const SPECIAL = {
  any: "With problems",
  none: "Without problems",
  hides: "Hides an entry of Airflow's",
  "used-but-missing": "Used but missing",
  unused: "Unused",
};
const WITHOUT_TEAM = "no team";
const PLACES = { environment: "hides environment", "metadata-db": "hides database" };

export function showNotices(answer) {
  const all = notices(answer);
  if (answer.not_permitted.length) {
    const text = `Not shown because your role may not read them in Airflow: ${answer.not_permitted.join(", ")}.`;
    all.push(make("div", { class: "notice warning", role: "note" }, text));
  }
  if (answer.reads_dags) {
    const text = "The DAGs are being read. Refresh in a moment to see which DAGs use each id.";
    all.push(make("div", { class: "notice", role: "note" }, text));
  }
  $("notices").replaceChildren(...all);
  showPlace(answer);
}

export function showPlace({ place, taken_at }) {
  $("place").textContent = printable(`${place}, as of ${recentTime(taken_at)}`);
}

/** Show one page of the table. `actions` has the functions that its buttons call. */
export function showTable(answer, actions, focus) {
  const counts = answer.counts;
  showKinds(counts.kind, answer.not_permitted, actions);
  showChoices($("team"), state.team, "All teams", counts.team, (name) => name);
  showChoices(
    $("problem"),
    state.problem,
    "With and without problems",
    counts.problem,
    (name) => own(SPECIAL, name) ?? name,
  );
  $("problem").hidden = false;
  showSummary(answer, actions.choose);
  // Once it is shown, the team filter stays, so that nothing moves while the user types.
  if (Object.keys(counts.team).some((name) => name !== WITHOUT_TEAM)) $("team").hidden = false;
  showColumns(actions);
  $("rows").replaceChildren(...answer.entries.map((entry) => row(entry, actions)));
  markSelected();
  showNothing(answer, actions);
  const first = answer.offset + 1;
  const last = answer.offset + answer.entries.length;
  const all = answer.matching === answer.total ? "" : `, of ${answer.total} in all`;
  $("count").textContent = answer.entries.length ? `${first} to ${last} of ${answer.matching}${all}` : "None";
  showPageNumber(answer);
  $("previous").disabled = answer.offset === 0;
  $("next").disabled = last >= answer.matching;
  if (focus) $("table").scrollTo({ top: 0 });
  if (focus) $("rows").querySelector("button")?.focus();
}

function showPageNumber({ offset, matching }) {
  const last = Math.max(1, Math.ceil(matching / PAGE));
  $("page").disabled = false;
  $("page").max = last;
  $("page").value = Math.floor(offset / PAGE) + 1;
  $("pages").textContent = `of ${last}`;
}

function showKinds(counts, notPermitted, actions) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const buttons = Object.entries(KINDS)
    .filter(([kind]) => !notPermitted.includes(PLURALS[kind]))
    .map(([kind, title]) =>
      make(
        "button",
        {
          type: "button",
          "data-kind": kind,
          "aria-pressed": String(state.kind === kind),
          onclick: () => actions.choose("kind", kind),
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

export function showColumns(actions) {
  const headers = COLUMNS.map(([name, title]) => {
    const sorted = state.order === name ? (state.descending ? "descending" : "ascending") : null;
    return make(
      "th",
      { scope: "col", class: name, "aria-sort": sorted },
      make("button", { type: "button", "data-column": name, onclick: () => actions.sortBy(name) }, title),
    );
  });
  keepFocus($("columns"), "data-column", headers);
}

function row(entry, actions) {
  const open = () => actions.explain(entry);
  return make(
    "tr",
    { class: entry.answers ? null : "unread", onclick: open },
    make(
      "td",
      { class: "id", title: shortened(entry.id) },
      make("button", { type: "button", class: "link" }, shortened(entry.id)),
    ),
    make(
      "td",
      { class: "problems" },
      entry.secret ? "" : badge("missing", "error"),
      ...entry.problems.map(problemBadge),
      ...entry.hidden.map(hiddenBadge),
    ),
    cell("secret", entry.secret ? nameOf(entry) : ""),
    cell("used_by", ...usersOf(entry)),
    cell("kind", entry.kind === "config" ? "option" : entry.kind),
    cell("team", entry.team ?? ""),
    cell("conn_type", entry.conn_type),
    cell("host", entry.host),
    cell("shape", entry.short_shape),
    cell("owner", ...ownerOf(entry)),
    cell("age", entry.age, entry.created ? localTime(entry.created) : ""),
  );
}

function problemBadge({ code, severity, text }) {
  return badge(code, severity, text);
}

function hiddenBadge({ place, text }) {
  return make("span", { class: "badge", title: text }, PLACES[place] ?? place);
}

export function nameOf({ namespace, secret, object_kind: kind }) {
  const name = namespace ? `${namespace}/${secret}` : secret;
  return printable(kind === "ConfigMap" ? `${kind} ${name}` : name);
}

/** Return the DAGs that use an entry for a cell: the first two, and the title with more of them. */
function usersOf({ used_by }) {
  if (used_by === null) return [""];
  const { dags, count } = used_by;
  const named = (most) => [...dags.slice(0, most), ...(count > most ? [`+${count - most}`] : [])].join(", ");
  return [named(2), named(dags.length)];
}

/** Return the owner of a Secret for a cell: the owning object, and the title that also names the operator. */
function ownerOf({ owner }) {
  if (owner === null) return [""];
  const object = owner.kind ? `${owner.kind} ${owner.name}` : owner.operator;
  return [object, owner.kind ? `${owner.operator}: ${object}` : object];
}

/** Return a cell of one line. Its title shows what does not fit. */
function cell(column, text, title = text) {
  return make("td", { class: column, title: printable(title) }, printable(text));
}

function showNothing(answer, actions) {
  const nothing = $("nothing");
  nothing.hidden = answer.entries.length > 0;
  if (!nothing.hidden) nothing.replaceChildren(answer.total === 0 ? nothingThere(answer, actions) : nothingMatches(answer, actions));
}

function nothingThere(answer, actions) {
  const labels = Object.values(answer.labels).filter((label) => label !== null);
  const permitted = Object.keys(KINDS).filter((kind) => isPermitted(answer, kind));
  return make(
    "div",
    { class: "state" },
    make("h2", {}, "No entries to show"),
    make("p", {}, `Searched: ${answer.place}${answer.searched.map((name) => `, namespace ${name}`).join("")}.`),
    make("p", {}, "Labels: ", ...between(labels.map((label) => make("code", {}, label)), ", "), "."),
    make(
      "p",
      {},
      "Either no Secret there has one of these labels, or your role may not read the entries in Airflow. It may read: ",
      `${permitted.map((kind) => KINDS[kind].toLowerCase()).join(", ")}.`,
    ),
    ...(answer.checks.length ? [make("p", {}, "To check, list the Secrets and their labels:")] : []),
    ...answer.checks.map((text) => make("div", { class: "command" }, make("code", {}, text), copyButton(text))),
    make(
      "p",
      {},
      "Add a label to a Secret, or create one with ",
      make("code", {}, "airflow-kubernetes-secrets put"),
      ". This page does not show Secrets with a misspelt label. In manifests, ",
      make("code", {}, "airflow-kubernetes-secrets check"),
      " finds them.",
    ),
    questions(answer, actions),
  );
}

function between(parts, text) {
  return parts.flatMap((part, position) => (position ? [text, part] : [part]));
}

function nothingMatches(answer, actions) {
  return make(
    "div",
    { class: "state" },
    make("h2", {}, "Nothing matches"),
    questions(answer, actions, make("button", { type: "button", onclick: actions.clear }, "Clear the filters")),
  );
}

const PLURALS = { connection: "connections", variable: "variables", config: "config" };

function isPermitted(answer, kind) {
  return kind !== "" && !answer.not_permitted.includes(PLURALS[kind]);
}

/** Return the buttons that explain why there is no entry with the id in the search, for the chosen kind and team. */
function questions(answer, actions, ...buttons) {
  const id = state.search.trim();
  for (const kind of state.kind ? [state.kind] : ["connection", "variable", "config"]) {
    if (!id || !isPermitted(answer, kind)) continue;
    // Airflow looks up options without a team.
    const team = kind === "config" || state.team === WITHOUT_TEAM ? null : state.team || null;
    const what = `${kind === "config" ? "option" : kind} '${id}'${team ? ` for team '${team}'` : ""}`;
    const explain = () => actions.explain({ kind, id, team });
    buttons.push(make("button", { type: "button", onclick: explain }, printable(`Why is there no ${what}?`)));
  }
  return make("div", { class: "actions" }, ...buttons);
}

/** Show that a request failed. What the table shows remains. `retry` is called to try again. */
export function showFailure(error, retry) {
  const again = make("button", { type: "button", class: "again", onclick: retry }, "Try again");
  const hadFocus = document.activeElement.classList.contains("again");
  const shown = notices(error);
  if (view.shown !== null) {
    shown.at(-1).append(" ", again);
    $("notices").replaceChildren(...shown);
    if (hadFocus) again.focus();
    return;
  }
  $("count").textContent = "Nothing could be read";
  $("nothing").hidden = false;
  $("nothing").replaceChildren(
    make(
      "div",
      { class: "state", id: "failure" },
      make("h2", {}, "The Secrets cannot be shown"),
      ...shown,
      make("div", { class: "actions" }, again),
    ),
  );
  if (hadFocus) again.focus();
}

/** Mark the row that the panel explains. */
export function markSelected() {
  const selected = selectedRow();
  [...$("rows").children].forEach((each, position) => {
    each.setAttribute("aria-selected", String(view.shown.entries[position] === selected));
  });
}
