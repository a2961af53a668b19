"""The page of `fleetctl dashboard` in a real browser, of clusters that say what a test wants."""

import re
from collections.abc import Iterator
from dataclasses import replace
from threading import Event
from time import time

import pytest
from playwright.sync_api import Browser, Page, expect

from fleet_cluster.fleet.fleetctl.dashboard.load_balancer import LoadBalancer, Totals
from fleet_cluster.fleet.fleetctl.live.changes import change
from fleet_cluster.fleet.fleetctl.live.link import Ended, Heard
from fleet_cluster.fleet.fleetctl.live.overview import MachineRow, Overview, UnitRow
from fleet_cluster.fleet.fleetctl.usage.probes import Measured, Unmeasured
from fleet_cluster.fleet.fleetctl.usage.sample import Disk, MachineUsage, Sample, UnitUsage
from tests.browser import Watched, chromium
from tests.dashboard import Dashboard, dashboard, haproxy
from tests.unit.fleet.fleetctl.live.any_overview import IDS, busy, large, machine, overview, unit

CONTRAST = """
() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((one) => one / 255)
      .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const found = numbers(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility()
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return texts.map((one) => {
    const [a, b] = [light(numbers(getComputedStyle(one).color)), light(ground(one))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.textContent];
  });
}
"""
"""The contrast of each text with what is behind it."""

WATCH = """
() => {
  window.touched = new Set();
  new MutationObserver((seen) => seen.forEach(({ target }) => {
    const element = target.nodeType === 1 ? target : target.parentElement;
    const row = element.closest(".unit");
    touched.add((row ?? element).querySelector(".name")?.textContent ?? element.className);
  })).observe(document.getElementById("cluster"), {
    subtree: true, childList: true, characterData: true, attributes: true,
  });
}
"""


NOTE_ARRIVALS = """
() => {
  const noted = document.body.dataset;
  noted.arrived = "";
  new MutationObserver((seen) => seen.forEach(({ target }) => {
    if (target.matches(".arrived")) noted.arrived += target.querySelector(".name").textContent;
  })).observe(document.getElementById("cluster"), { subtree: true, attributeFilter: ["class"] });
}
"""
"""Which units are marked as they arrive, for some seconds: noted, so that no look is too late."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def served() -> Iterator[Dashboard]:
    with dashboard() as served:
        yield served


@pytest.fixture
def watched(browser: Browser, served: Dashboard) -> Iterator[Watched]:
    """The page of a busy cluster; whatever a test does, nothing is complained of."""
    served.cluster.say(recent(busy()), time(), whole=True)
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        watched = Watched(context.new_page())
        watched.page.goto(served.server.url)
        expect(watched.page.locator(".unit")).to_have_count(7)
        yield watched
        assert watched.complaints == []
        assert [one for one in watched.requests if not one.startswith(served.server.url)] == []


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


def recent(one: Overview) -> Overview:
    """The cluster as of now."""
    ago = max(row.since for row in one.units.values()) - time()
    units = {
        place: replace(row, since=row.since and row.since - ago) for place, row in one.units.items()
    }
    return Overview(one.machines, units)


def without_machine(number: int, one: Overview, to: int) -> Overview:
    """A machine is lost, and its units run on another one."""
    gone, home = machine(number).id, machine(to).id
    units = {
        (row.unit, home if row.machine == gone else row.machine): replace(
            row, machine=home, origin=gone, since=time()
        )
        if row.machine == gone
        else row
        for row in one.units.values()
    }
    machines = {id: row for id, row in one.machines.items() if id != gone}
    return Overview(machines, units)


def column(page: Page, name: str):  # noqa: ANN201
    return page.get_by_role("region", name=name, exact=True)


def test_machines_are_columns_with_their_units_and_states_in_words(page: Page) -> None:
    expect(page.get_by_role("heading", level=2)).to_have_text(
        ["On no machine", "machine-1", "machine-2", "machine-3", re.compile("Events")]
    )
    first = column(page, "machine-1")
    expect(first.get_by_role("button")).to_have_text(
        [re.compile(one) for one in ("flaps.*auto-restart.*s", "hello.*running", "5000.*running")]
    )
    expect(first).to_contain_text("1.5G of 4G")
    expect(column(page, "machine-2")).to_contain_text("draining")
    expect(column(page, "machine-3")).to_contain_text("sick: / is short of room")
    expect(column(page, "On no machine")).to_contain_text("metadata disk=ssd wanted")
    expect(page.get_by_text("3 machines, 7 units: 1 failed, 1 on no machine")).to_be_visible()


def test_a_lost_machines_units_are_seen_to_move_and_it_is_said(
    page: Page, served: Dashboard
) -> None:
    db = page.get_by_role("button", name=re.compile("db.service"))
    expect(column(page, "machine-2").get_by_role("button")).to_have_count(2)
    page.evaluate(NOTE_ARRIVALS)
    served.cluster.say(without_machine(2, recent(busy()), 3), time())
    expect(page.locator("body")).to_have_attribute("data-arrived", re.compile("db.service"))
    expect(column(page, "machine-3").get_by_role("button")).to_have_count(3)
    expect(column(page, "machine-2")).to_have_count(0)
    expect(db).to_have_count(1)
    expect(page.locator("#said")).to_have_text(
        "lost: machine-2, with 2 units. moved: db.service from machine-2 to machine-3. "
        "failed: sinatra@5001.service on machine-3. And 1 more events."
    )
    expect(page.locator("#said")).to_have_attribute("aria-live", "polite")
    expect(page.locator("#events li").first).to_contain_text("sinatra@5001.service")


def test_only_what_has_changed_is_changed_in_the_page(page: Page, served: Dashboard) -> None:
    many = large()
    served.cluster.say(many, time())
    page.reload()
    expect(page.locator(".unit")).to_have_count(1000)
    page.evaluate(WATCH)
    row = many.units["web@0007.service", machine(8).id]
    failed = replace(row, active="failed", sub="failed", since=time())
    served.cluster.say(
        Overview(many.machines, {**many.units, (row.unit, row.machine): failed}), time()
    )
    expect(page.get_by_role("button", name=re.compile("web@0007.service failed"))).to_be_visible()
    assert page.evaluate("[...touched]") == ["web@0007.service", "count"]


def test_text_of_the_cluster_is_never_markup(page: Page, served: Dashboard) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\x1b[31m"
    units = [
        unit("a.service", problem=evil),
        UnitRow("b.service", "", "inactive", evil, problem=evil),
    ]
    served.cluster.say(overview([machine(1, name=evil, state=f"sick: {evil}")], units), time())
    served.cluster.link.tell(Ended(evil, evil, evil, True))
    expect(page.locator("#link")).to_contain_text("<img src=x")
    expect(page.get_by_role("heading", name=re.compile("<img src=x"))).to_be_visible()
    page.get_by_role("button", name=re.compile("a.service")).click()
    expect(page.locator("#timeline")).to_contain_text("launched <b>here</b>")
    expect(page.locator("#log")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("img, #cluster script, #timeline b > *").count() == 0


def test_keys_choose_open_and_close_a_unit(page: Page) -> None:
    focused = page.locator("button:focus")
    page.keyboard.press("ArrowDown")
    expect(focused).to_contain_text("big.service")
    page.keyboard.press("j")
    expect(focused).to_contain_text("flaps.service")
    page.keyboard.press("ArrowRight")
    expect(focused).to_contain_text("db.service")
    page.keyboard.press("End")
    expect(focused).to_contain_text("job.service")
    for key in ("k", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    expect(focused).to_contain_text("flaps.service")
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="flaps.service")
    expect(panel).to_be_visible()
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(focused).to_contain_text("flaps.service")


def test_tab_comes_to_one_unit_only(page: Page) -> None:
    assert page.locator('.unit > button[tabindex="0"]').count() == 1
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator('.unit > button[tabindex="0"]').count() == 1
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.locator("button:focus")).to_contain_text("flaps.service")


def test_a_filter_leaves_what_has_that_text(page: Page, served: Dashboard) -> None:
    page.keyboard.press("/")
    page.keyboard.type("sinatra")
    shown = page.locator(".unit:visible .name")
    expect(shown).to_have_text(["sinatra@5000.service", "sinatra@5001.service"])
    expect(column(page, "machine-3")).to_be_hidden()
    now = recent(busy())
    more = unit("sinatra@5002.service", 3)
    served.cluster.say(Overview(now.machines, {**now.units, (more.unit, more.machine): more}), 0)
    expect(shown).to_have_count(3)
    page.keyboard.press("Escape")
    expect(shown).to_have_count(8)
    page.get_by_label("only trouble").check()
    expect(shown).to_have_text(["big.service", "flaps.service", "sinatra@5001.service"])


def test_a_units_panel_has_its_timeline_and_its_log_until_it_is_closed(
    page: Page, served: Dashboard
) -> None:
    page.get_by_role("button", name=re.compile("hello.service")).click()
    panel = page.get_by_role("dialog", name="hello.service")
    expect(panel.locator("#facts")).to_contain_text("on machine-1 · running for 2h")
    expect(panel.locator("#timeline li").first).to_have_text(
        "2026-01-05 08:00:00.120Zfleetctlwanted launched"
    )
    expect(panel.locator("#timeline")).to_contain_text("machine has no disk")
    expect(panel.locator("#log")).to_contain_text(f"--machine={IDS[0]} hello.service\ntwo ")
    (process,) = served.programs._running  # pyright: ignore[reportPrivateUsage]
    page.keyboard.press("Escape")
    process.wait(60)


def test_the_panel_of_a_unit_that_moves_goes_with_it(page: Page, served: Dashboard) -> None:
    page.get_by_role("button", name=re.compile("db.service")).click()
    expect(page.locator("#log")).to_contain_text(f"--machine={IDS[1]}")
    served.cluster.say(without_machine(2, recent(busy()), 3), time())
    expect(page.locator("#facts")).to_contain_text("on machine-3")
    expect(page.locator("#log")).to_contain_text(f"--machine={IDS[2]}")


def test_a_rollout_is_seen_as_it_goes(page: Page, served: Dashboard) -> None:
    now = recent(busy())
    place = ("sinatra@5000.service", IDS[0])
    served.cluster.say(
        Overview(now.machines, {**now.units, place: replace(now.units[place], sha="cd" * 32)}),
        time(),
    )
    expect(page.get_by_role("region", name="Rollouts")).to_contain_text(
        "sinatra@.service1 of 2 have file cdcdcdc"
    )
    served.cluster.say(now, time())
    expect(page.get_by_role("region", name="Rollouts")).to_be_hidden()


def test_a_connection_that_is_lost_is_told(page: Page, served: Dashboard) -> None:
    served.cluster.link.tell(Ended("machine-1", "closed", "machine-2", True))
    expect(page.get_by_text("no connection to machine-1, trying machine-2")).to_be_visible()
    served.cluster.say(recent(busy()), time(), whole=True)
    expect(page.get_by_text("through machine-1")).to_be_visible()


def test_a_page_that_nobody_sees_follows_nothing(
    watched: Watched, served: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = watched.page
    nobody_looks = Event()
    monkeypatch.setattr(served.feed, "linger", nobody_looks.set)
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });"
        "window.away = true; document.dispatchEvent(new Event('visibilitychange'))"
    )
    assert nobody_looks.wait(60)
    served.cluster.say(Overview({}, {}), time())
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".unit")).to_have_count(0)
    assert sum(one.endswith("/events") for one in watched.requests) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark(browser: Browser, served: Dashboard, scheme: str) -> None:
    served.cluster.say(recent(busy()), time(), whole=True)
    with browser.new_context(color_scheme=scheme) as context:  # pyright: ignore[reportArgumentType]
        page = context.new_page()
        page.goto(served.server.url)
        page.get_by_role("button", name=re.compile("flaps.service")).click()
        expect(page.locator("#timeline li")).to_have_count(2)
        red = page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1]
        assert (int(red.split(",")[0]) < 128) is (scheme == "dark")
        assert {text: share for share, text in page.evaluate(CONTRAST) if share < 4.5} == {}


def test_it_fits_on_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 400
    box = column(page, "machine-1").bounding_box()
    assert box and box["width"] > 350
    page.get_by_role("button", name=re.compile("sinatra@5001")).click()
    expect(page.locator("#timeline li")).to_have_count(2)
    assert page.evaluate(width) == 400
    assert page.locator("#panel").evaluate("one => one.scrollWidth - one.clientWidth") == 0


def test_a_machine_that_nobody_vouches_for_is_lost_with_its_units(
    page: Page, served: Dashboard
) -> None:
    now = recent(busy())
    units = dict(now.units)
    for place, row in now.units.items():
        if row.machine == IDS[1]:
            units[place] = replace(row, active="lost", sub=row.active)
    lost = MachineRow(IDS[1], state="lost", units=2)
    served.cluster.say(Overview({**now.machines, lost.id: lost}, units), time())
    expect(column(page, "machine-2")).to_contain_text(re.compile(r"lost \d+s.*lost \(active\)"))


def test_requests_per_second_are_told_where_a_load_balancer_tells(browser: Browser) -> None:
    with haproxy() as balancer, browser.new_page() as page:
        address = LoadBalancer(f"127.0.0.1:{balancer.server_port}")
        with dashboard(load_balancer=address) as served, page.expect_response("**/requests"):
            page.goto(served.server.url)
            expect(page.locator("#requests")).to_have_text("0 requests/s, 0 errors/s")
            balancer.counts = Totals(1000, 500)
            # In one look: what is counted is a rate of the last seconds only.
            expect(page.locator("#requests.loud")).to_have_text(
                re.compile(r"^[1-9]\d* requests/s, [1-9]\d* errors/s$")
            )


def test_what_machines_and_units_use_and_the_age_of_leases_are_told(
    page: Page, served: Dashboard
) -> None:
    disk = Disk("/var/lib", 1 << 30, 4 << 30)
    sample = Sample(
        MachineUsage(1000, 1 << 30, (disk,)), {"hello.service": UnitUsage(250, 1 << 25)}
    )
    served.feed.measure(Measured(IDS[0], sample))
    first = column(page, "machine-1")
    for text in ("memory1G of 4G", "CPUs1 of 4", "/var/lib3G of 4G", "memory reserved1.5G"):
        expect(first).to_contain_text(text)
    page.get_by_role("button", name=re.compile("hello.service")).click()
    expect(page.locator("#facts")).to_contain_text("uses 32M, 0.25 CPUs")
    now = recent(busy())
    said = replace(change(now, now, time()), leases={IDS[0]: 3})
    served.cluster.link.tell(Heard("machine-1", said))
    expect(first).to_contain_text("lease 3s")
    served.feed.measure(Unmeasured(IDS[0]))
    expect(first).not_to_contain_text("/var/lib")
