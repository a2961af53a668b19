// Machines as columns with their units: only what has changed is changed in the page.
import { age, make, place, put, putName } from "./dom.js";

const MARKS = { good: "\u25cf", busy: "\u25d0", bad: "\u25b2", quiet: "\u25cb" };
const FRESH_SECONDS = 600;
const ARRIVED_SECONDS = 4;
const NOWHERE = { id: "", name: "On no machine", address: "", state: "", tone: "bad", reserved: [] };

/** Key of a place: ids of machines have no space. */
export const keyOf = (unit, machine) => `${machine} ${unit}`;

export class Cluster {
  /** `open`: called with the row of a unit that was chosen. */
  constructor(root, open) {
    this.root = root;
    this.machines = new Map();
    this.units = new Map();
    this.ageing = new Set();
    this.touched = new Set();
    this.arrived = new Map();
    this.wanted = { text: "", trouble: false };
    root.addEventListener("click", (event) => {
      const row = event.target.closest(".unit");
      if (row) open(row.told);
    });
    root.addEventListener("focusin", (event) => this.#rove(event.target));
  }

  /** Takes in a message; `now` in seconds, by the clock of the cluster. */
  take(message, now) {
    if (message.whole) this.#forget(message);
    for (const told of message.machines) this.#machine(told);
    for (const told of message.units) this.#unit(told, message.whole ? 0 : now + ARRIVED_SECONDS);
    this.#summarize();
    this.#renew(message.leases);
    this.tick(now);
  }

  /** Takes in what a machine and its units use. */
  use(usage) {
    const column = this.machines.get(usage.id);
    if (!column) return;
    column.usage = usage;
    this.#measure(column);
  }

  /** Shows only rows with that text, or in trouble. */
  filter(text, trouble) {
    this.wanted = { text: text.trim().toLowerCase(), trouble };
    for (const row of this.units.values()) row.hidden = !this.#fits(row.told);
    this.touched = new Set(this.machines.values());
    this.#summarize();
  }

  /** Ages of what is young, or not well. */
  tick(now) {
    for (const row of this.ageing) {
      const { since, tone } = row.told;
      const seconds = now - since;
      const shows = since && (seconds < FRESH_SECONDS || tone === "bad" || tone === "busy");
      put(row.parts.age, shows ? age(seconds) : "");
      if (!shows) this.ageing.delete(row);
    }
    for (const [row, until] of this.arrived) {
      if (now < until) continue;
      row.classList.remove("arrived");
      this.arrived.delete(row);
    }
    for (const column of this.machines.values()) {
      const { lost_since: since, state } = column.told;
      put(column.parts.state, since ? `lost ${age(now - since)}` : state);
    }
  }

  /** Units that are shown, in the order of the page. */
  buttons() {
    return [...this.root.querySelectorAll(".machine:not([hidden]) .unit:not([hidden]) > button")];
  }

  nameOf(machine) {
    return this.machines.get(machine)?.told.name ?? machine.slice(0, 8);
  }

  #renew(leases) {
    for (const [id, column] of this.machines) {
      const seconds = leases[id];
      const text = seconds === undefined || column.told.lost_since ? "" : `lease ${seconds}s`;
      if (id) put(column.parts.lease, text);
    }
  }

  #forget(message) {
    const units = new Set(message.units.map((told) => keyOf(told.unit, told.machine)));
    const machines = new Set(message.machines.map((told) => told.id));
    for (const [key, row] of this.units) if (!units.has(key)) this.#remove(key, row);
    for (const id of this.machines.keys()) if (id && !machines.has(id)) this.#machine({ id, gone: true });
  }

  #machine(told) {
    const known = this.machines.get(told.id);
    if (told.gone) {
      known?.remove();
      this.machines.delete(told.id);
      return undefined;
    }
    const column = known ?? this.#column(told);
    this.touched.add(column);
    const isRenamed = column.told?.name !== told.name;
    column.told = told;
    if (isRenamed) column.remove();
    if (isRenamed) place(column, told.id ? `1 ${told.name} ${told.id}` : "0", this.root);
    put(column.parts.name, told.name);
    put(column.parts.address, told.address);
    column.dataset.tone = told.tone;
    this.#measure(column);
    return column;
  }

  #measure({ parts: { meters }, told, usage }) {
    const shown = told.tone === "bad" && told.lost_since ? told.reserved : [...(usage?.used ?? []), ...told.reserved];
    shown.forEach((one, number) => this.#meter(meters, one, number));
    while (meters.childElementCount > shown.length) meters.lastElementChild.remove();
  }

  #column({ id }) {
    const column = make("section", "machine");
    const parts = {
      name: make("h2"), state: make("span", "state"), address: make("span", "address"), lease: make("span", "lease"),
      count: make("span", "count"), meters: make("div", "meters"), units: make("ul"),
    };
    parts.name.id = `machine-${id || "none"}`;
    column.setAttribute("aria-labelledby", parts.name.id);
    column.append(
      make("header", "", parts.name, parts.state, make("p", "", parts.address, parts.lease, parts.count), parts.meters),
      parts.units,
    );
    column.parts = parts;
    this.machines.set(id, column);
    return column;
  }

  #meter(meters, { what, share, text }, number) {
    const meter = meters.children[number] ?? meters.appendChild(
      make("p", "", make("span", "what"), make("span", "bar"), make("span", "amount")),
    );
    const [name, bar, amount] = meter.children;
    put(name, what);
    put(amount, text);
    bar.style.setProperty("--share", Math.min(share, 1));
    bar.setAttribute("aria-hidden", "true");
  }

  #unit(told, until) {
    const key = keyOf(told.unit, told.machine);
    const known = this.units.get(key);
    if (told.gone) {
      if (known) this.#remove(key, known);
      return;
    }
    const row = known ?? this.#row(key, told);
    if (!known && until) this.arrived.set(row, until);
    if (!known && until) row.classList.add("arrived");
    row.told = told;
    this.touched.add(row.closest(".machine"));
    row.dataset.tone = told.tone;
    row.classList.toggle("leaving", !told.home);
    const state = told.home ? told.state : `${told.state}, leaving`;
    put(row.parts.mark, MARKS[told.tone]);
    putName(row.parts.name, told.label);
    put(row.parts.state, told.restarts ? `${state}, ${told.restarts} restarts` : state);
    this.#problem(row, told.problem);
    row.hidden = !this.#fits(told);
    this.ageing.add(row);
  }

  #row(key, told) {
    const parts = {
      mark: make("span", "mark"), name: make("span", "name"), state: make("span", "state"),
      age: make("span", "age"),
    };
    parts.mark.setAttribute("aria-hidden", "true");
    const button = make("button", "", parts.mark, parts.name, " ",
      make("span", "how", parts.state, " ", parts.age));
    button.type = "button";
    button.tabIndex = this.units.size ? -1 : 0;
    const row = make("li", "unit", button);
    row.parts = parts;
    const column = this.machines.get(told.machine) ?? this.#machine(
      told.machine ? { ...NOWHERE, id: told.machine, name: told.machine.slice(0, 8) } : NOWHERE,
    );
    place(row, told.unit, column.parts.units);
    this.units.set(key, row);
    return row;
  }

  // Few units have one: for all, it would be an eighth of the page's nodes.
  #problem({ parts, firstElementChild: button }, text) {
    if (text && !parts.problem) button.append(" ", parts.problem = make("span", "problem"));
    if (parts.problem) put(parts.problem, text);
  }

  #remove(key, row) {
    const hadFocus = row.contains(document.activeElement);
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.firstElementChild;
    this.touched.add(row.closest(".machine"));
    row.remove();
    this.units.delete(key);
    this.ageing.delete(row);
    this.arrived.delete(row);
    if (row.firstElementChild.tabIndex === 0) {
      const heir = next ?? this.root.querySelector(".unit > button");
      if (heir) heir.tabIndex = 0;
      if (hadFocus) heir?.focus();
    }
  }

  #fits(told) {
    const { text, trouble } = this.wanted;
    if (trouble && told.tone !== "bad") return false;
    return !text || `${told.label} ${told.state} ${this.nameOf(told.machine)}`.toLowerCase().includes(text);
  }

  // Counts, and columns that have nothing to show, where anything has changed.
  #summarize() {
    const isFiltered = this.wanted.text || this.wanted.trouble;
    for (const column of this.touched) {
      const { id } = column.told;
      const rows = [...column.parts.units.children];
      const bad = rows.filter((row) => row.dataset.tone === "bad").length;
      const units = `${rows.length} ${rows.length === 1 ? "unit" : "units"}`;
      put(column.parts.count, bad && id ? `${units}, ${bad} in trouble` : units);
      const isOdd = this.wanted.trouble && column.dataset.tone === "bad" && id;
      column.hidden = !id && !rows.length || isFiltered && !isOdd && rows.every((row) => row.hidden);
    }
    this.touched.clear();
    const reachable = this.root.querySelector('.machine:not([hidden]) .unit:not([hidden]) > button[tabindex="0"]');
    if (!reachable) this.#rove(this.buttons()[0]);
  }

  // Tab goes to one unit only, the one that was chosen last; arrows go to the others.
  #rove(button) {
    if (!button?.matches(".unit > button")) return;
    this.root.querySelectorAll('.unit > button[tabindex="0"]').forEach((one) => { one.tabIndex = -1; });
    button.tabIndex = 0;
  }
}
