"""A checkpoint that is lost, damaged, or of another version."""

import json

import pytest

from fleet_cluster.fleet.model.keys import schedule_key
from fleet_cluster.fleet.model.records import DesiredState
from tests.unit.fleet.agents import MACHINE, Bench
from tests.unit.fleet.fakes.units import FAILS, SLEEPS

A = "a.service"


@pytest.mark.parametrize("text", ["", "{", '{"units": 3}'])
def test_lost_checkpoint_is_rebuilt_from_the_files(bench: Bench, text: str) -> None:
    bench.run(A, SLEEPS)
    bench.run("fails.service", FAILS)
    bench.assign("loaded.service", SLEEPS, DesiredState.LOADED)
    bench.settle()
    bench.checkpoint_file.text = text
    bench.restart()
    bench.calls()
    bench.settle()
    state = bench.state(A)
    assert bench.calls() == [] and state and not state.orphan
    assert "fails.service" in bench.checkpoint_file.text


def test_checkpoint_of_another_version_is_used(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    raw = json.loads(bench.checkpoint_file.text)
    del raw["wary"]
    raw["units"][A]["later"] = 1
    bench.checkpoint_file.text = json.dumps(raw)
    bench.restart()
    bench.calls()
    bench.settle()
    assert bench.calls() == [] and bench.identity_changes == 0


def test_lost_checkpoint_and_unknown_units_are_orphans(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.store.remove(schedule_key(MACHINE, A))
    bench.checkpoint_file.text = ""
    bench.restart()
    bench.settle()
    state = bench.state(A)
    assert A in bench.systemd.running() and state and state.orphan


def test_removed_files_are_written_again_and_nothing_is_started(bench: Bench) -> None:
    bench.run(A, FAILS)
    bench.run("b.service", SLEEPS)
    bench.systemd.disk.clear()
    bench.agent.resync()
    bench.calls()
    bench.settle()
    assert bench.systemd.disk == {A: FAILS, "b.service": SLEEPS}
    assert bench.calls() == ["reload"]
