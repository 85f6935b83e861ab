// The panel: what `explain` shows for one id, and the problems of its Secret.

import { make } from "./dom.js";
import { nameOf } from "./table.js";

/** Return the problems of a Secret in the table that the explanation of its id does not show. */
export function ofSecret(entry, said = []) {
  const problems = (entry.problems ?? []).filter(({ text }) => !said.some((each) => each.text === text));
  return problems.length ? [part(`Secret ${nameOf(entry)}`, problems.map(problem))] : [];
}

function problem({ severity, text }) {
  return make("li", { class: severity }, text);
}

/** Return the parts of an explanation: first what to do, and then how the lookup went. */
export function explanationParts(story, entry) {
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

export function part(title, lines, style = "") {
  return make(
    "section",
    {},
    make("h3", {}, title),
    make("ul", {}, ...lines.map((line) => (line instanceof Node ? line : make("li", { class: style }, line)))),
  );
}
