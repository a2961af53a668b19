// The page: follows the server's events while it is looked at, and answers keys.
import { Cluster } from "./cluster.js";
import { make, put } from "./dom.js";
import { Events } from "./events.js";
import { Panel } from "./panel.js";
import { Requests } from "./requests.js";

const element = (id) => document.getElementById(id);
const filter = element("filter");
const trouble = element("trouble");
const cluster = new Cluster(element("cluster"), (told) => panel.open(told));
const events = new Events(element("events"), element("quiet"), element("said"));
let ahead = 0; // How far the cluster's clock is ahead of ours, in seconds.
const now = () => Date.now() / 1000 + ahead;
const panel = new Panel(cluster, now);
const requests = new Requests(element("requests"));
let source = null;

function take(message) {
  if (message.usage) {
    cluster.use(message.usage);
    panel.tick();
    return;
  }
  ahead = message.at - Date.now() / 1000;
  if (message.headline) put(element("headline"), message.headline);
  tellLink(message.link, message.connected);
  showRollouts(message.rollouts);
  cluster.take(message, now());
  events.take(message, now());
  panel.take();
  document.title = message.headline ? `${message.headline} \u2013 fleet` : "fleet";
}

function tellLink(text, isConnected) {
  put(element("link"), text);
  document.body.classList.toggle("stale", !isConnected);
}

function showRollouts(rollouts) {
  const root = element("rollouts");
  root.hidden = !rollouts.length;
  root.replaceChildren(...rollouts.map(({ name, text, share }) => {
    const bar = make("span", "bar");
    bar.style.setProperty("--share", share);
    return make("p", "", make("b", "", name), bar, make("span", "", text));
  }));
}

// A page that nobody sees follows nothing.
function follow() {
  source?.close();
  source = null;
  if (document.hidden) {
    panel.pause();
    requests.stop();
    return;
  }
  requests.start();
  source = new EventSource("events");
  source.onmessage = (event) => take(JSON.parse(event.data));
  source.onerror = () => tellLink("fleetctl dashboard does not answer: it has ended, and what is shown is old", false);
}

document.addEventListener("visibilitychange", () => {
  follow();
  if (!document.hidden) panel.resume();
});
addEventListener("pagehide", () => source?.close());
setInterval(() => {
  if (document.hidden) return;
  cluster.tick(now());
  events.tick(now());
  panel.tick();
}, 1000);

for (const one of [filter, trouble]) {
  one.addEventListener("input", () => cluster.filter(filter.value, trouble.checked));
}

const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, ArrowRight: "column", l: "column", ArrowLeft: "-column", h: "-column", Home: "first", End: "last" };

function step(how) {
  const buttons = cluster.buttons();
  const at = buttons.indexOf(document.activeElement);
  if (how === "first" || at < 0) return buttons[0];
  if (how === "last") return buttons.at(-1);
  if (typeof how === "number") return buttons[at + how];
  const columns = Map.groupBy(buttons, (one) => one.closest(".machine"));
  const order = [...columns.values()];
  const own = order.findIndex((column) => column.includes(document.activeElement));
  const next = order[own + (how === "column" ? 1 : -1)];
  return next?.[Math.min(order[own].indexOf(document.activeElement), next.length - 1)];
}

function leave() {
  if (panel.isOpen) {
    panel.close();
  } else {
    filter.value = "";
    trouble.checked = false;
    cluster.filter("", false);
    if (document.activeElement === filter) step("first")?.focus();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = document.activeElement === filter;
  if (event.key === "Escape") {
    leave();
  } else if (event.key === "/" && !isTyping) {
    filter.focus();
    filter.select();
  } else if (isTyping ? event.key === "ArrowDown" : event.key in STEPS && !panel.root.contains(document.activeElement)) {
    step(isTyping ? "first" : STEPS[event.key])?.focus();
  } else {
    return;
  }
  event.preventDefault();
});

follow();
