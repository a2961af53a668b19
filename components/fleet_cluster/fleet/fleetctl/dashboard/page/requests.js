// Requests per second, as the load balancer counts them, if the server knows one.
import { put } from "./dom.js";

const EVERY_MS = 2000;
const OF_LAST = 6;

const rate = (number) => (number < 10 ? Math.round(number * 10) / 10 : Math.round(number));

export class Requests {
  constructor(element) {
    this.element = element;
    this.counted = [];
  }

  /** Asks until it is stopped, or there is nobody to ask. */
  start() {
    this.stop();
    this.counted = [];
    this.timer = setInterval(() => this.#ask(), EVERY_MS);
    this.#ask();
  }

  stop() {
    clearInterval(this.timer);
  }

  async #ask() {
    const answer = await fetch("requests").catch(() => null);
    if (answer?.status === 204) this.stop();
    else if (answer?.ok) this.#count({ ...(await answer.json()), at: performance.now() });
    else this.#show(answer ? await answer.text() : "", true);
  }

  #count(now) {
    const last = this.counted.at(-1);
    if (last && last.requests > now.requests) this.counted = []; // It has started anew.
    this.counted = [...this.counted, now].slice(-OF_LAST);
    const [first] = this.counted;
    if (first === now) return;
    const seconds = (now.at - first.at) / 1000;
    const errors = rate((now.errors - first.errors) / seconds);
    this.#show(`${rate((now.requests - first.requests) / seconds)} requests/s, ${errors} errors/s`, errors > 0);
  }

  #show(text, isBad) {
    put(this.element, text);
    this.element.hidden = !text;
    this.element.classList.toggle("loud", isBad);
  }
}
