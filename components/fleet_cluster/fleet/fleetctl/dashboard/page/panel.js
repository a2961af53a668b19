// The panel of a unit: what is known of it, its timeline, and its log while the panel is open.
import { age, make, put } from "./dom.js";
import { keyOf } from "./cluster.js";

const MOST_LINES = 2000;
const AGAIN_MS = 500;
const element = (id) => document.getElementById(id);

export class Panel {
  /** `now`: tells the time in seconds, by the clock of the cluster. */
  constructor(cluster, now) {
    this.cluster = cluster;
    this.now = now;
    this.root = element("panel");
    this.told = null;
    element("close").addEventListener("click", () => this.close());
  }

  get isOpen() {
    return this.told !== null;
  }

  open(told) {
    this.before = document.activeElement;
    this.root.hidden = false;
    this.#show(told);
    this.#why();
    this.#follow();
    element("panel-title").focus();
  }

  close() {
    this.told = null;
    this.root.hidden = true;
    this.pause();
    this.before?.focus();
  }

  /** Ends what runs for it, as long as nobody looks. */
  pause() {
    this.asking?.abort();
    this.following?.abort();
    clearTimeout(this.again);
  }

  resume() {
    if (!this.isOpen) return;
    this.#why();
    this.#follow();
  }

  /** Takes in a message: what has become of the unit, which may be elsewhere now. */
  take() {
    if (!this.isOpen) return;
    const { unit, machine } = this.told;
    const here = this.cluster.units.get(keyOf(unit, machine))?.told;
    const homes = [...this.cluster.units.values()].map((row) => row.told)
      .filter((told) => told.unit === unit && told.home && !told.everywhere);
    const next = homes.find((told) => told.machine) ?? homes[0];
    const moved = next && next.machine !== machine && !(here?.home) ? next : null;
    this.isGone = !moved && !here;
    if (moved || (here && here !== this.told)) {
      this.#show(moved ?? here);
      clearTimeout(this.again);
      this.again = setTimeout(() => this.#why(), AGAIN_MS);
      if (moved) this.#follow();
    } else if (this.isGone) {
      put(element("facts"), "It is gone.");
    }
  }

  tick() {
    if (!this.isOpen || this.isGone) return;
    const { unit, machine, state, since, restarts, memory, cpus, file } = this.told;
    const used = this.cluster.machines.get(machine)?.usage?.units[unit];
    const reserves = [memory, cpus && `${cpus} CPUs`].filter(Boolean).join(", ");
    put(element("facts"), [
      machine ? `on ${this.cluster.nameOf(machine)}` : "on no machine",
      since ? `${state} for ${age(this.now() - since)}` : state,
      restarts ? `restarted ${restarts} times while this was looked at` : "",
      used ? `uses ${used}` : "",
      reserves ? `reserves ${reserves}` : "",
      file ? `file ${file}` : "",
    ].filter(Boolean).join(" \u00b7 "));
  }

  #show(told) {
    this.told = told;
    this.root.dataset.tone = told.tone;
    put(element("panel-title"), told.label);
    put(element("problem"), told.problem);
    element("problem").hidden = !told.problem;
    this.isGone = false;
    this.tick();
  }

  async #why() {
    this.asking?.abort();
    const asking = this.asking = new AbortController();
    try {
      const answer = await fetch(`why?${this.#query()}`, { signal: asking.signal });
      if (answer.ok) this.#tell(await answer.json());
      else this.#tell({ present: await answer.text(), timeline: [], verdicts: {} });
    } catch (error) {
      if (!asking.signal.aborted) this.#tell({ present: `${error}`, timeline: [], verdicts: {} });
    }
  }

  #tell({ present, timeline, verdicts }) {
    put(element("present"), present);
    element("present").hidden = !present;
    element("timeline").replaceChildren(...timeline.map((event) => this.#event(event)));
    element("verdicts").replaceChildren(...Object.entries(verdicts).flatMap(
      ([id, verdict]) => [make("dt", "", this.cluster.nameOf(id)), make("dd", "", verdict)],
    ));
  }

  #event({ at, by, what, against }) {
    const item = make(
      "li", "", make("time", "", at ? at.replace("T", " ") : "now"), make("b", "", by), make("span", "", what),
    );
    for (const [id, reason] of Object.entries(against)) {
      item.append(make("span", "against", `not on ${this.cluster.nameOf(id)}: ${reason}`));
    }
    return item;
  }

  async #follow() {
    this.following?.abort();
    const following = this.following = new AbortController();
    const log = element("log");
    log.replaceChildren();
    put(element("log-state"), "connecting");
    try {
      const answer = await fetch(`journal?${this.#query()}`, { signal: following.signal });
      put(element("log-state"), answer.ok ? "live" : "");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) this.#append(log, part.value);
      put(element("log-state"), "ended");
    } catch (error) {
      if (!following.signal.aborted) put(element("log-state"), `${error}`);
    }
  }

  #append(log, text) {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 4;
    for (const line of text.split(/(?<=\n)/)) log.append(line);
    while (log.childNodes.length > MOST_LINES) log.firstChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  #query() {
    return new URLSearchParams({ unit: this.told.unit, machine: this.told.machine });
  }
}
