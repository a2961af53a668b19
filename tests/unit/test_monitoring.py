"""Whatever docs/monitoring asks for is told by fleetd, and each alert says what to do."""

import json
import re

import pytest

from tests.checkout import CHECKOUT
from tests.documents import table

MONITORING = CHECKOUT / "docs" / "monitoring"
FIGURES = (CHECKOUT / "tests/unit/fleet/fleetd/golden/metrics.txt").read_text()
TOLD = set(re.findall(r"^# TYPE (\w+) ", FIGURES, re.M))
ASKED = re.compile(r"\b(?:fleet|process)_\w+")
PARTS = re.compile(r"_(bucket|sum|count)$")
"""Of a histogram."""


@pytest.mark.parametrize(
    "name", ["fleet-rules.yaml", "fleet-rules-tests.yaml", "fleet-dashboard.json"]
)
def test_what_is_asked_for_is_told(name: str) -> None:
    asked = set(ASKED.findall((MONITORING / name).read_text()))
    assert asked
    assert {PARTS.sub("", one) for one in asked} <= TOLD


def test_the_document_tells_of_all_that_is_told() -> None:
    rows = table("docs/operations.md", "Metrics and health")
    documented = set(re.findall(r"\b(?:fleet|process)_\w+", " ".join(rows)))
    assert TOLD - {"fleet_info"} == documented


def test_each_alert_says_what_it_is_and_what_to_do() -> None:
    text = (MONITORING / "fleet-rules.yaml").read_text()
    alerts = text.count("- alert: ")
    assert alerts > 12
    for needed in ("severity: ", " summary: ", " description: "):
        assert text.count(needed) == alerts


def test_no_two_panels_of_the_dashboard_cover_each_other() -> None:
    covered: set[tuple[int, int]] = set()
    for panel in json.loads((MONITORING / "fleet-dashboard.json").read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & covered and max(x for x, _ in cells) < 24, panel["title"]
        covered |= cells
