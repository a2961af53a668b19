"""`fleetctl dashboard` of real machines, in a real browser: one is killed while the page is open.

With FLEET_CLUSTER_PICTURES=1 in the environment, its pictures become those of the documents.
"""

import os
import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import Watched, chromium
from tests.checkout import CHECKOUT
from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

UNIT = "watched.service"
SAYS_SO = """\
[Service]
ExecStart=/bin/sh -c 'while :; do echo "still here"; sleep 1; done'

[X-Fleet]
HealthySec=0
"""
MOST_BYTES = 200_000
LATER_MS = 120_000
"""How long to wait for a machine's boot, or for what its death changes; for tests that fail.

A lease and an election are 24 s, and a connection that has fallen silent is left after 20 s.
"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go."""
    wanted = os.environ.get("FLEET_CLUSTER_PICTURES")
    return CHECKOUT / "docs/pictures" if wanted else tmp_path


@contextmanager
def page_of(stack: Stack, *options: str) -> Generator[Page]:
    """The page that fleetctl serves of a stack; nothing of it is complained of."""
    call = ["fleetctl", "dashboard", "--no-browser", *options]
    environment = {**os.environ, **stack.environment()}
    with (
        subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True) as process,
        chromium() as browser,
        browser.new_page(viewport={"width": 1280, "height": 640}) as page,
    ):
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            watched = Watched(page)
            page.goto(url)
            yield page
            assert watched.complaints == []
            assert [one for one in watched.requests if not one.startswith(url)] == []
        finally:
            process.terminate()


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def take(page: Page, pictures: Path, name: str, scheme: str) -> None:
    page.evaluate("document.activeElement.blur()")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    file = pictures / f"{name}-{scheme}.png"
    page.screenshot(path=file, animations="disabled")
    assert file.stat().st_size < MOST_BYTES


def test_a_machine_is_killed_and_its_units_are_seen_to_move(
    cluster: Stack, machines: dict[str, str], url: str, pictures: Path
) -> None:
    file = cluster.program / UNIT
    file.write_text(SAYS_SO)
    cluster.fleetctl("start", str(file))
    victim = asking.placements(cluster, machines)[UNIT]
    rest = sorted(machines.keys() - {victim})
    try:
        with page_of(asking.through(cluster, victim), f"--load-balancer={url}") as page:
            unit = page.get_by_role("button", name=re.compile(f"{UNIT} running"))
            expect(column(page, victim).locator(unit)).to_be_visible()
            expect(column(page, victim)).to_contain_text(
                re.compile(r"lease \d+s.*memory.+ of .*CPUs.+ of ", re.S)
            )
            expect(page.locator("#link")).to_have_text(f"through {victim}")
            expect(page.locator("#requests")).to_have_text(re.compile(r"\d requests/s, 0 errors/s"))

            unit.click()
            expect(page.locator("#log")).to_contain_text(re.compile("(still here.*){3}", re.S))
            expect(page.locator("#timeline")).to_contain_text("active (running)")
            for scheme in ("light", "dark"):
                take(page, pictures, "dashboard-unit", scheme)
            page.keyboard.press("Escape")

            with faults.without_power(cluster, victim):
                expect(column(page, victim).locator(unit)).to_have_count(0, timeout=LATER_MS)
                expect(unit).to_have_count(1, timeout=LATER_MS)
                expect(page.locator("#link")).to_have_text(
                    re.compile(f"through ({'|'.join(rest)})")
                )
                events = page.locator("#events")
                expect(events).to_contain_text(f"lost{victim}, with")
                expect(events).to_contain_text(
                    re.compile(rf"moved{UNIT} from {victim} to ({'|'.join(rest)})")
                )
                for scheme in ("light", "dark"):
                    take(page, pictures, "dashboard", scheme)
            expect(column(page, victim)).to_contain_text("ready", timeout=LATER_MS)
            expect(events).to_contain_text(f"back{victim}", timeout=LATER_MS)
    finally:
        cluster.fleetctl("destroy", UNIT)
        eventually("it is whole", lambda: asking.is_whole(cluster, machines), 120)
