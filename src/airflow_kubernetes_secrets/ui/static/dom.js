// Elements of the page. Everything that comes from Secrets is inserted as text, never as HTML.

/** Return a property of the object itself, not an inherited one such as `constructor`. */
export const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

export const $ = (id) => document.getElementById(id);

// Invisible characters, and characters that change how others are shown. This is the set that messages/printable.py escapes.
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character) {
  const code = character.codePointAt(0).toString(16);
  if (code.length > 4) return `\\U${code.padStart(8, "0")}`;
  return NAMED[character] ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
}

/** Return a name as one line in which every character is visible. */
export function printable(name) {
  return String(name).replace(UNSEEN, escaped);
}

// The most characters of an id in the table, or of a string in the label of its copy button.
const SHORT = 250;

/** Return the beginning of a name as one line in which every character is visible. */
export function shortened(name) {
  const characters = [...name];
  return characters.length > SHORT ? `${printable(characters.slice(0, SHORT - 1).join(""))}…` : printable(name);
}

/** Return a string in which every character except a line break is visible. */
function printableLines(text) {
  return String(text).split("\n").map(printable).join("\n");
}

// A character of a script that is written from right to left.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** Return the nodes of a string. A word from right to left is isolated, so that it does not reorder the text around it. */
export function textNodes(text) {
  return printableLines(text)
    .split(/(\s+)/)
    .map((part) => document.createTextNode(part))
    .map((node) => (RIGHT_TO_LEFT.test(node.data) ? make("bdi", {}, node) : node));
}

/** Return an element with these attributes. Children are elements or strings. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, name === "title" ? printableLines(value) : value);
  }
  const shown = children.filter((child) => child !== null && child !== "");
  element.append(...shown.flatMap((child) => (child instanceof Node ? child : textNodes(child))));
  return element;
}

/** Follow a link from the document of the whole window. Airflow's frame may forbid its own content to do so. */
export function follow(link) {
  const copy = parent.document.importNode(link, true);
  copy.href = link.href;
  parent.document.body.append(copy);
  copy.click();
  copy.remove();
}
