// The panel: what `explain` shows for one id, and the problems of its Secret.

import { make } from "./dom.js";
import { copyButton, message, problem } from "./messages.js";
import { nameOf } from "./table.js";

// The server shows this for an id that is a URI.
export const URI = "(a URI)";

/** Return the buttons that copy what belongs to an entry. */
export function copyButtons(entry) {
  return make(
    "div",
    { class: "copies" },
    entry.id === URI ? "" : copyButton(entry.id, "Copy id"),
    entry.secret ? copyButton(entry.secret, "Copy Secret") : "",
    entry.command ? copyButton(entry.command, "Copy kubectl command") : "",
  );
}

/** Return the problems of a Secret in the table that the explanation of its id does not show. */
export function ofSecret(entry, reported = []) {
  const problems = unreported(entry, reported);
  return problems.length ? [part(`${entry.object_kind === "ConfigMap" ? "" : "Secret "}${nameOf(entry)}`, problems.map(problem))] : [];
}

function unreported(entry, reported) {
  return (entry.problems ?? []).filter(({ text }) => !reported.some((each) => each.text === text));
}

/** Return a line in which a code replaces the message of a problem that the panel already shows. */
function withoutProblem(line, problems) {
  const shown = problems.find(({ text }) => line.text.endsWith(text));
  if (shown === undefined) return line;
  const before = line.text.slice(0, line.text.length - shown.text.length);
  return { ...line, text: before && `${before}${shown.code}`, remedy: "", commands: [] };
}

/** Return the parts of an explanation: first what to do, and then how the lookup went. */
export function explanationParts(explanation, entry) {
  const problems = unreported(entry, explanation.problems);
  const sections = [...explanation.findings, ...explanation.trace]
    .map(({ title, lines }) => ({ title, lines: lines.map((each) => withoutProblem(each, problems)).filter(({ text }) => text) }))
    .filter(({ lines }) => lines.length);
  return [
    make("p", { class: `mark ${explanation.verdict}`, "data-verdict": explanation.verdict }, explanation.headline),
    ...ofSecret(entry, explanation.problems),
    ...sections.map(({ title, lines }) => part(title, lines.map(line))),
  ];
}

function line(each) {
  if (each.problem) return problem({ ...each, ...each.problem });
  return make("li", { class: each.tone }, ...message(each));
}

export function part(title, lines, style = "") {
  return make(
    "section",
    {},
    make("h3", {}, title),
    make("ul", {}, ...lines.map((line) => (line instanceof Node ? line : make("li", { class: style }, line)))),
  );
}
