"""What a rollout tells of each unit: the operator's computer, and Pulumi, make spans of it."""

import json
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.fleetctl.commands.units import apply
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]
NEW = f"{SLEEP}# another\n"
NAMES = [f"web@{number}.service" for number in range(5)]


def document(text: str = SLEEP) -> str:
    instances = dict.fromkeys(NAMES, "launched")
    units = {"web@.service": {"text": text, "instances": instances}}
    return json.dumps({"owner": "web", "units": units})


def printed(capsys: Output) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def web(cluster: SmallCluster, fleetctl: Fleetctl, capsys: Output) -> SmallCluster:
    fleetctl.document = document()
    assert fleetctl("apply", "--claim", "0") == Exit.DONE
    assert [one["change"] for one in printed(capsys)["steps"]] == ["started"] * len(NAMES)
    fleetctl.steps.clear()
    fleetctl.document = document(NEW)
    return cluster


def test_apply_tells_pulumi_what_it_has_rolled_and_where(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    fleetctl("apply", "--claim", "0")
    steps = printed(capsys)["steps"]
    assert sorted(one["unit"] for one in steps) == NAMES
    assert {one["change"] for one in steps} == {"rolled"}
    view = web.view()
    for one in steps:
        (machine,) = view.assigned(one["unit"])
        assert one["machine"] == view.machines[machine].hostname
        assert one["began"] <= one["ended"]


def test_apply_tells_nothing_when_nothing_was_done(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    fleetctl("apply", "--claim", "0")
    capsys.readouterr()
    fleetctl("apply", "--claim", "0")
    assert "steps" not in printed(capsys)


def test_of_many_units_those_are_told_that_took_longest(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "MAX_STEPS", 2)
    fleetctl("apply", "--claim", "0")
    told = printed(capsys)["steps"]
    kept = {one["unit"] for one in told}
    assert len(kept) == 2
    shortest = min(one["ended"] - one["began"] for one in told)
    left_out = [step for step in fleetctl.steps if step.unit not in kept]
    assert all(step.ended - step.began <= shortest for step in left_out)


def test_the_operator_is_told_and_reads_no_json_of_it(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    fleetctl("apply")
    assert set(printed(capsys)) == {"placements"}
    assert sorted(step.unit for step in fleetctl.steps) == NAMES


@pytest.mark.parametrize("command", [("rollout", "web@.service"), ("undo", "web@.service")])
def test_what_is_rolled_by_hand_is_told(
    fleetctl: Fleetctl, web: SmallCluster, command: tuple[str, ...]
) -> None:
    fleetctl.files = {"web@.service": NEW}
    fleetctl("rollout", "web@.service")
    if command[0] == "undo":
        fleetctl.steps.clear()
        fleetctl(*command)
    assert [(step.unit, step.change) for step in fleetctl.steps] == [
        (name, "rolled") for name in NAMES
    ]
