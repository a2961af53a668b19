"""`fleetctl why`: golden files of what it tells."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import Assignment, DesiredState, Unit, UnitState
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

GOLDEN = Path(__file__).parents[1] / "golden"
NAME = "hello.service"
SHA = sha_of(SLEEP)


@pytest.fixture
def moved(cluster: SmallCluster) -> SmallCluster:
    """A unit whose machine was lost, and that runs elsewhere since."""
    cluster.add(NAME)
    cluster.leave(WEB)
    placed = Assignment(
        SHA,
        DesiredState.LAUNCHED,
        reason="it has the fewest units of those that fit: 0",
        rejections={"c0ffee00" + "0" * 24: "conflicts with db.service, which runs there"},
        decided_at=1020.5,
        origin=WEB.id,
        lost_at=1020.25,
    )
    withdrawn = Assignment(
        SHA, DesiredState.INACTIVE, reason=f"it belongs to {DB.id}", decided_at=1020.5
    )
    cluster.put(keys.schedule_key(WEB.id, NAME), withdrawn)
    cluster.put(keys.schedule_key(DB.id, NAME), placed)
    state = UnitState("loaded", "active", "running", SHA, since=1021.75, start_requested_at=1021)
    cluster.put(keys.state_key(DB.id, NAME), state)
    unit = Unit(SHA, DesiredState.LAUNCHED, written_at=1000)
    key = keys.unit_key(NAME)
    # Past the watch: this small cluster would act on it.
    cluster.store.entries[key] = replace(cluster.store.entries[key], value=unit.to_json())
    return cluster


def test_a_moved_unit(fleetctl: Fleetctl, moved: SmallCluster, capsys: Output) -> None:
    assert fleetctl("why", NAME) == Exit.DONE
    assert capsys.readouterr().out == (GOLDEN / "why-moved.txt").read_text()


def test_a_moved_unit_as_json(fleetctl: Fleetctl, moved: SmallCluster, capsys: Output) -> None:
    assert fleetctl("why", NAME, "--output", "json") == Exit.DONE
    out = capsys.readouterr().out
    assert out == (GOLDEN / "why-moved.json").read_text()
    assert [event["by"] for event in json.loads(out)["timeline"]][:2] == ["fleetctl", "leader"]


def test_a_unit_that_fails(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    cluster.add(NAME)
    cluster.report(
        NAME, UnitState("loaded", "failed", "failed", SHA, since=1030, start_requested_at=1029)
    )
    fleetctl("why", NAME)
    out = capsys.readouterr().out
    assert "1970-01-01T00:17:10.000Z  systemd   failed (failed): it failed" in out
    assert "failed: it failed on 3f2a91bc.../10.0.0.11" in out


def test_a_unit_that_fits_nowhere(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("big.service", SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n")
    assert fleetctl("why", "big") == Exit.FAILED
    out = capsys.readouterr().out
    assert "it fits on no machine, and starts as soon as one fits" in out
    assert "metadata disk=ssd wanted, machine has no disk" in out


def test_what_became_of_the_start_job(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add(NAME)
    reason = "AssertPathExists=/a is not met"
    state = UnitState(
        "loaded", "inactive", "dead", SHA, start_requested_at=1021, job="assert", reason=reason
    )
    cluster.report(NAME, state)
    assert fleetctl("why", NAME) == Exit.DONE
    out = capsys.readouterr().out
    assert f"failed: systemd did not start it on 3f2a91bc.../10.0.0.11: assert: {reason}" in out
    assert f"systemd   inactive (dead): its start job: assert: {reason} on 3f2a91bc" in out
    skipped = replace(state, job="done", reason="ConditionHost=x is not met")
    cluster.report(NAME, skipped)
    assert fleetctl("why", NAME) == Exit.DONE
    note = "systemd skipped it on 3f2a91bc.../10.0.0.11: ConditionHost=x is not met"
    assert f"{NAME}: {note}" in capsys.readouterr().out
