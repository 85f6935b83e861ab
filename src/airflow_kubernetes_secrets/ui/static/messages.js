// Messages: what is wrong, what to do, and commands. All of their words come from the server.

import { follow, make, shortened } from "./dom.js";
import { view } from "./state.js";

const COPIED_MS = 1500;

/** Return a button that copies a string. */
export function copyButton(text, title = "Copy") {
  const button = make("button", { type: "button", class: "copy" });
  const name = (shown) => {
    button.textContent = shown;
    // Screen readers announce the label, not the content.
    button.ariaLabel = `${shown}: ${shortened(text)}`;
  };
  name(title);
  button.addEventListener("click", async () => {
    name((await copied(text)) ? "Copied" : "Not copied");
    setTimeout(name, COPIED_MS, title);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP, browsers have no clipboard for scripts except by this older way.
    const focused = document.activeElement;
    const area = make("textarea", { readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    focused.focus({ preventScroll: true });
    return isCopied;
  }
}

function command(text) {
  return make("div", { class: "command" }, make("code", {}, text), copyButton(text));
}

/** Return the elements of a message. */
export function message({ text, statement, remedy, commands }) {
  if (!remedy && !commands.length) return [make("p", {}, text)];
  return [
    make("p", {}, statement),
    remedy ? make("p", { class: "remedy" }, remedy, commands.length ? "" : copyButton(remedy)) : "",
    ...commands.map(command),
  ];
}

/** Return the notices for the failures of a response, or for an error of a request. */
export function notices(source) {
  const failures = source.failures ?? [{ text: source.message, remedy: "", commands: [] }];
  return failures.map((each) => make("div", { class: "notice error", role: "alert" }, ...message(each)));
}

/** Return a problem: its code with a link to the documentation, and its message. */
export function problem({ code, severity, ...rest }) {
  return make("li", { class: severity }, make("p", {}, badge(code, severity), " ", documentation(code)), ...message(rest));
}

export function badge(code, severity, title = null) {
  return make("span", { class: `badge ${severity}`, title }, code);
}

function documentation(code) {
  const address = view.shown?.documentation;
  if (!address) return "";
  const attributes = { href: `${address}#${code}`, target: "_blank", rel: "noopener" };
  const link = make("a", { ...attributes, "aria-label": `Documentation of ${code}` }, "Documentation");
  link.addEventListener("click", (event) => {
    event.preventDefault();
    follow(link);
  });
  return link;
}
