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

/** Return a text in which every character except a line break is visible. */
function printableLines(text) {
  return String(text).split("\n").map(printable).join("\n");
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
  element.append(...shown.map((child) => (child instanceof Node ? child : printableLines(child))));
  return element;
}
