"""What the page of `fleetctl dashboard` costs a browser, with 1,000 units on 50 machines.

`python -m bench.page`: Chromium, driven by Playwright, and a cluster that is in memory.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from time import time
from typing import Any

from playwright.sync_api import Browser, Page

from fleet_cluster.fleet.fleetctl.live.overview import Overview
from tests.browser import chromium
from tests.dashboard import Dashboard, dashboard
from tests.unit.fleet.fleetctl.live.any_overview import large, machine

UNITS, MACHINES, CHANGES, LOSSES = 1000, 50, 300, 20
MIB = 1 << 20

WATCH = """
window.taken = [];
window.drawn = [];
const set = Object.getOwnPropertyDescriptor(EventSource.prototype, "onmessage").set;
Object.defineProperty(EventSource.prototype, "onmessage", {
  set(answer) {
    set.call(this, (event) => {
      const begun = performance.now();
      answer(event);
      taken.push(performance.now() - begun);
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => drawn.push(performance.now() - begun);
        port2.postMessage(0);
      });
    });
  },
});
"""
"""For each event, how long the page was busy with it, and how long until its frame was drawn."""


def changed(now: Overview, number: int) -> Overview:
    """A unit of them has another state."""
    place = list(now.units)[number * 7 % len(now.units)]
    row = now.units[place]
    state = ("failed", "failed") if row.active == "active" else ("active", "running")
    unit = replace(row, active=state[0], sub=state[1], since=time())
    return Overview(now.machines, {**now.units, place: unit})


def lost(now: Overview, number: int) -> Overview:
    """A machine of them is lost, and its units run on the others."""
    gone = machine(number + 1).id
    homes = [id for id in now.machines if id != gone]
    units = dict(now.units)
    for count, (place, row) in enumerate(now.units.items()):
        if row.machine == gone:
            home = homes[count % len(homes)]
            del units[place]
            units[row.unit, home] = replace(row, machine=home, origin=gone, since=time())
    return Overview({id: row for id, row in now.machines.items() if id != gone}, units)


def tell(served: Dashboard, page: Page, steps: Sequence[Overview]) -> None:
    """One event after the other, each when the one before is drawn."""
    page.evaluate("taken.length = drawn.length = 0")
    for count, step in enumerate(steps, start=1):
        served.cluster.say(step, time())
        page.wait_for_function("count => drawn.length >= count", arg=count)


def report(what: str, page: Page) -> None:
    """The median, the 95th hundredth and the most."""
    for name in ("taken", "drawn"):
        found: list[float] = page.evaluate(name)
        print(
            f"{what}, {name}: median {median(found):.1f} ms, 95 % within "
            f"{quantiles(found, n=20)[-1]:.1f} ms, at most {max(found):.1f} ms, of {len(found)}"
        )


def steps(now: Overview, change: Any, count: int) -> list[Overview]:
    """The overviews that follow by so many changes."""
    found = list[Overview]()
    for number in range(count):
        now = change(now, number)
        found.append(now)
    return found


def heap(page: Page) -> tuple[float, float]:
    """The page's JavaScript in MiB, and its nodes."""
    session: Any = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return told["JSHeapUsedSize"] / MIB, told["Nodes"]


def tidy(page: Page) -> None:
    """Have the page give back what it does not need, as when the computer is short of memory."""
    session: Any = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Memory.simulatePressureNotification", {"level": "critical"})
    page.wait_for_timeout(1000)


def renderers(browser: Browser) -> float:
    """What the browser's renderers have written for themselves, in MiB."""
    session: Any = browser.new_browser_cdp_session()
    told = session.send("SystemInfo.getProcessInfo")["processInfo"]
    found = 0
    for one in told:
        if one["type"] == "renderer":
            text = Path(f"/proc/{one['id']}/smaps_rollup").read_text()
            found += sum(
                int(line.split()[1])
                for line in text.splitlines()
                if line.startswith("Private_Dirty")
            )
    return found / 1024


def main() -> None:
    """Measure, and print."""
    with chromium() as browser, dashboard() as served:
        page = browser.new_page(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
        page.add_init_script(WATCH)
        page.goto(f"{served.server.url}icon.svg")
        tidy(page)
        before = renderers(browser)
        now = large(UNITS, MACHINES)
        served.cluster.say(now, time(), whole=True)
        page.goto(served.server.url)
        page.wait_for_function("drawn.length === 1")
        print(f"all {UNITS} units at once: {page.evaluate('drawn[0]'):.0f} ms")
        changes = steps(now, changed, CHANGES)
        tell(served, page, changes)
        report("a unit's change", page)
        tell(served, page, steps(changes[-1], lost, LOSSES))
        report("a machine's loss", page)
        print(
            f"renderers: {renderers(browser) - before:.1f} MiB above a picture alone, as they are"
        )
        tidy(page)
        used, nodes = heap(page)
        print(f"JavaScript: {used:.1f} MiB, {nodes:.0f} nodes")
        print(f"renderers: {renderers(browser) - before:.1f} MiB above a picture alone, tidied up")


if __name__ == "__main__":
    main()
