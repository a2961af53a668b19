// Events of the last minutes, the newest first; and said, for who does not see them.
import { clock, make, put } from "./dom.js";

const KEEP_SECONDS = 900;
const MOST = 100;
const MOST_SAID = 3;

export class Events {
  constructor(list, quiet, said) {
    this.list = list;
    this.quiet = quiet;
    this.said = said;
  }

  /** Takes in a message; what is whole has all events again. */
  take(message, now) {
    if (message.whole) this.list.replaceChildren();
    for (const told of message.events) this.list.prepend(this.#item(told));
    if (!message.whole && message.events.length) this.#say(message.events);
    this.tick(now);
  }

  /** Drops what is too old. */
  tick(now) {
    const isOld = (item) => item.at < now - KEEP_SECONDS;
    while (this.list.lastElementChild && (this.list.childElementCount > MOST || isOld(this.list.lastElementChild))) {
      this.list.lastElementChild.remove();
    }
    this.quiet.hidden = this.list.childElementCount > 0;
  }

  #item({ at, kind, text, loud }) {
    const item = make("li", loud ? "loud" : "", make("time", "", clock(at)), make("b", "", kind), make("span", "", text));
    item.at = at;
    return item;
  }

  #say(happened) {
    const told = happened.slice(0, MOST_SAID).map(({ kind, text }) => `${kind}: ${text}.`);
    const more = happened.length - told.length;
    put(this.said, more > 0 ? `${told.join(" ")} And ${more} more events.` : told.join(" "));
  }
}
