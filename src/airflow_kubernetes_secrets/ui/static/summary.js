// The summary above the table: how many entries have which problem. Each part filters the table.

import { $, make } from "./dom.js";
import { state } from "./state.js";

// The values of the problem filter that are about DAGs, and not problem codes of Secrets.
const MISSING = { severity: "error", title: "used but missing", meaning: "DAGs use the id, and nothing provides it" };
const UNUSED = { severity: "", meaning: "No DAG is known to use the id" };

/** Show the summary of a response. `choose` sets a filter. */
export function showSummary({ codes, counts }, choose) {
  const shown = { "used-but-missing": MISSING, ...codes, unused: UNUSED };
  const there = Object.entries(shown).filter(([code]) => counts.problem[code]);
  const buttons = there.map(([code, { severity, meaning, title = code }]) => {
    const isChosen = state.problem === code;
    return make(
      "button",
      {
        type: "button",
        class: `badge ${severity}`,
        "data-code": code,
        "aria-pressed": String(isChosen),
        title: meaning,
        onclick: () => choose("problem", isChosen ? "" : code),
      },
      `${counts.problem[code]} ${title}`,
    );
  });
  const focused = $("summary").contains(document.activeElement) ? document.activeElement.dataset.code : null;
  $("summary").replaceChildren(...buttons);
  $("summary").hidden = buttons.length === 0;
  if (focused) buttons.find((each) => each.dataset.code === focused)?.focus();
}
