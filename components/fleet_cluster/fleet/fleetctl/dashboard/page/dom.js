// What the other modules make of the page's elements. Text of the cluster becomes text, never markup.

/** Orders names as people do: machine-2 before machine-10. */
export const collator = new Intl.Collator("en", { numeric: true });

/** An element with a class and children: elements, or text. */
export function make(tag, name = "", ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children);
  return made;
}

/** Sets an element's text, if it is another. */
export function put(element, text) {
  if (element.shown !== text) element.textContent = element.shown = text;
}

const LONG = 22;

/** Sets a name; one that is long may be broken where a person would. */
export function putName(element, text) {
  if (text.length < LONG || element.shown === text) return put(element, text);
  const parts = text.split(/(?<=[-@._])/).flatMap((part) => [part, document.createElement("wbr")]);
  element.shown = text;
  return element.replaceChildren(...parts.slice(0, -1));
}

/** Puts an element among others, in the order of a key that each of them has. */
export function place(element, key, parent) {
  element.sortKey = key;
  const others = parent.children;
  let low = 0;
  let high = others.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (collator.compare(others[middle].sortKey, key) < 0) low = middle + 1;
    else high = middle;
  }
  parent.insertBefore(element, others[low] ?? null);
}

const AGES = [[86400, "d"], [3600, "h"], [60, "m"]];

/** How long ago, in the largest unit that fits: 12s, 3m, 2h, 5d. */
export function age(seconds) {
  for (const [size, letter] of AGES) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${letter}`;
  }
  return `${Math.max(Math.floor(seconds), 0)}s`;
}

/** A time of day, UTC. */
export function clock(at) {
  return new Date(at * 1000).toISOString().slice(11, 19);
}
