"""Alerts as promtool reads them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT

MONITORING = CHECKOUT / "docs" / "monitoring"


@pytest.fixture(scope="module")
def promtool() -> str:
    """Its path: as toolchain/tools/promtool.sh finds it."""
    find = ["bash", "-c", "source toolchain/lib.sh; promtool_program"]
    found = subprocess.run(find, cwd=CHECKOUT, capture_output=True, text=True)
    assert found.returncode == 0, "there is no promtool; run: toolchain/setup promtool"
    return found.stdout.strip()


@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "--lint-fatal", "fleet-rules.yaml"),
        ("check", "config", "--syntax-only", "prometheus.yaml"),
        ("test", "rules", "fleet-rules-tests.yaml"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_promtool_takes_it(promtool: str, words: tuple[str, ...]) -> None:
    done = subprocess.run([promtool, *words], cwd=MONITORING, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_is_raised_too_late_is_seen(promtool: str, tmp_path: Path) -> None:
    """The tests of the rules can fail."""
    shutil.copytree(MONITORING, tmp_path / "monitoring")
    rules = tmp_path / "monitoring" / "fleet-rules.yaml"
    rules.write_text(rules.read_text().replace("for: 5m", "for: 5h"))
    test = [promtool, "test", "rules", "fleet-rules-tests.yaml"]
    done = subprocess.run(test, cwd=rules.parent, capture_output=True, text=True)
    assert done.returncode == 1 and "FleetUnitsUnplaced" in done.stderr + done.stdout


def test_prometheus_takes_the_figures_of_fleetd(promtool: str) -> None:
    figures = CHECKOUT / "tests/unit/fleet/fleetd/golden/metrics.txt"
    done = subprocess.run(
        [promtool, "check", "metrics"], input=figures.read_bytes(), capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
