// The table: its filters, columns, rows and what is shown if there are none.

import { $, make, own, printable } from "./dom.js";
import { COLUMNS, KINDS, same, state, view } from "./state.js";

// Values of the problem filter that are not problem codes.
const SPECIAL = { any: "With problems", none: "Without problems", hides: "Hides an entry of Airflow's" };
const PLACES = { environment: "hides environment", "metadata-db": "hides database" };

export function showNotices(answer) {
  const notices = answer.failures.map((text) => make("div", { class: "notice error", role: "alert" }, text));
  if (answer.not_permitted.length) {
    const text = `Not shown because your role may not read them in Airflow: ${answer.not_permitted.join(", ")}.`;
    notices.push(make("div", { class: "notice warning", role: "note" }, text));
  }
  $("notices").replaceChildren(...notices);
  $("place").textContent = printable(`${answer.place}, as of ${new Date(answer.taken_at).toLocaleTimeString()}`);
  $("place").title = $("place").textContent;
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
  // Once it is shown, the team filter stays, so that nothing moves while the user types.
  if (Object.keys(counts.team).some((name) => name !== "no team")) $("team").hidden = false;
  showColumns(actions);
  $("rows").replaceChildren(...answer.entries.map((entry) => row(entry, actions)));
  showNothing(answer, actions);
  const first = answer.offset + 1;
  const last = answer.offset + answer.entries.length;
  const all = answer.matching === answer.total ? "" : `, of ${answer.total} in all`;
  $("count").textContent = answer.entries.length ? `${first} to ${last} of ${answer.matching}${all}` : "None";
  $("previous").disabled = answer.offset === 0;
  $("next").disabled = last >= answer.matching;
  if (focus) $("table").scrollTo({ top: 0 });
  if (focus) $("rows").querySelector("button")?.focus();
}

function showKinds(counts, notPermitted, actions) {
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
      { scope: "col", "aria-sort": sorted },
      make("button", { type: "button", "data-column": name, onclick: () => actions.sortBy(name) }, title),
    );
  });
  keepFocus($("columns"), "data-column", headers);
}

function row(entry, actions) {
  const isSelected = view.selected !== null && same(entry, view.selected);
  const open = () => actions.explain(entry);
  return make(
    "tr",
    { class: entry.answers ? null : "unread", "aria-selected": String(isSelected), onclick: open },
    cell(entry.kind === "config" ? "option" : entry.kind),
    make("td", { title: printable(entry.id) }, make("button", { type: "button", class: "link" }, printable(entry.id))),
    cell(entry.team ?? ""),
    make("td", { class: "problems" }, ...entry.problems.map(problemBadge), ...entry.hidden.map(hiddenBadge)),
    cell(nameOf(entry)),
    cell(entry.short_shape),
    cell(entry.conn_type),
    cell(entry.host),
    cell(...ownerOf(entry)),
    cell(entry.age, entry.created),
  );
}

function problemBadge({ code, severity, text }) {
  return make("span", { class: `badge ${severity}`, title: text }, code);
}

function hiddenBadge({ place, text }) {
  return make("span", { class: "badge", title: text }, PLACES[place] ?? place);
}

export function nameOf({ namespace, secret }) {
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

function showNothing(answer, actions) {
  const nothing = $("nothing");
  nothing.hidden = answer.entries.length > 0;
  if (!nothing.hidden) nothing.replaceChildren(answer.total === 0 ? nothingThere(answer) : nothingMatches(answer, actions));
}

function nothingThere(answer) {
  const labels = Object.values(answer.labels).filter((label) => label !== null);
  return make(
    "div",
    { class: "state" },
    make("h2", {}, "No entries yet"),
    make(
      "p",
      {},
      `No Secret in ${answer.place} has one of the labels that this Airflow uses: `,
      ...between(
        labels.map((label) => make("code", {}, label)),
        ", ",
      ),
      ".",
    ),
    make(
      "p",
      {},
      "Add a label to a Secret, or create one with ",
      make("code", {}, "airflow-kubernetes-secrets put"),
      ". This page does not show Secrets with a misspelt label. In manifests, ",
      make("code", {}, "airflow-kubernetes-secrets check"),
      " finds them.",
    ),
  );
}

function between(parts, text) {
  return parts.flatMap((part, position) => (position ? [text, part] : [part]));
}

function nothingMatches(answer, actions) {
  const id = state.search.trim();
  const buttons = [make("button", { type: "button", onclick: actions.clear }, "Clear the filters")];
  for (const kind of id ? ["connection", "variable"] : []) {
    const lookup = { kind, id, team: null };
    if (!answer.not_permitted.includes(`${kind}s`)) {
      const question = printable(`Why is there no ${kind} '${id}'?`);
      buttons.push(make("button", { type: "button", onclick: () => actions.explain(lookup) }, question));
    }
  }
  return make(
    "div",
    { class: "state" },
    make("h2", {}, "Nothing matches"),
    make("div", { class: "actions" }, ...buttons),
  );
}

/** Show that nothing could be read. `retry` is called to try again. */
export function showFailure(error, retry) {
  const again = make("button", { type: "button", onclick: retry }, "Try again");
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

/** Mark the row of the lookup that the panel explains. */
export function markSelected() {
  [...$("rows").children].forEach((each, position) => {
    each.setAttribute("aria-selected", String(view.selected !== null && same(view.shown.entries[position], view.selected)));
  });
}
