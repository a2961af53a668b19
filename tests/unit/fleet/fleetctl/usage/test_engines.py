"""What container engines say, with programs in their place."""

import os
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.exec.container import Container
from fleet_cluster.fleet.fleetctl.usage import engines as module
from fleet_cluster.fleet.fleetctl.usage.engines import AGAIN_SECONDS, Engines, inspect
from tests.unit.fleet.fakes.clock import FakeClock

ONE, TWO = "1a" * 32, "2b" * 32
DOCKER = """#!/bin/sh
echo "$@" >>"$CALLS"
echo '/web-1 {one} 42'
echo '/{two} {two} 0'
echo 'Error: No such container: gone' >&2
exit 1
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "docker"
    script.write_text(DOCKER.format(one=ONE, two=TWO))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_those_that_run_are_found_by_name_and_by_id(calls: Path) -> None:
    found = inspect("docker", ["web-1", ONE, TWO, "gone"])
    assert found == {"web-1": (ONE, 42), ONE: (ONE, 42)}
    assert calls.read_text().endswith(f"-- web-1 {ONE} {TWO} gone\n")


def test_each_is_asked_for_once_and_what_is_not_known_later_again(calls: Path) -> None:
    clock = FakeClock()
    engines, web, gone = Engines(clock), Container("docker", "web-1"), Container("docker", "gone")
    for _ in range(3):
        engines.look_for([web, gone, Container("docker", "")])
    assert engines.of(web) == (ONE, 42) and engines.of(gone) is None
    assert len(calls.read_text().splitlines()) == 1
    clock.advance(AGAIN_SECONDS)
    engines.look_for([web, gone])
    assert calls.read_text().splitlines()[1].endswith("-- gone")
    engines.forget([gone])
    assert engines.of(web) is None


def test_an_engine_that_is_not_there_or_hangs_says_nothing(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inspect("no-such-engine", ["web-1"]) == {}
    calls.with_name("docker").write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(module, "SECONDS", 0.1)
    assert inspect("docker", ["web-1"]) == {}
