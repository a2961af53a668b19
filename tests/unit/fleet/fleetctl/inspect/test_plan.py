import json
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, UsageError
from fleet_cluster.fleet.model.records import DesiredState, MachineState
from fleet_cluster.fleet.unitfiles.unitfile import template_of
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, FakeMachines, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

GOLDEN = Path(__file__).parents[1] / "golden"
THIRD = MachineState("c0ffee00" + "0" * 24, "10.0.0.13", "machine-3", {}, "2")
NEW = SLEEP + "Restart=always\n[X-Fleet]\nHealthySec=0\n"
BOUND = """
[Unit]
BindsTo=web@%i.service
[Service]
ExecStart=/bin/log
[X-Fleet]
MachineOf=web@%i.service
"""


@pytest.fixture
def web(cluster: SmallCluster) -> SmallCluster:
    """Two instances that run, each with one that is bound to it, and a Global unit."""
    cluster.join(THIRD)
    cluster.add("web@.service", target=DesiredState.INACTIVE)
    for number in (1, 2):
        cluster.add(f"web@{number}.service")
        cluster.add(f"log@{number}.service", BOUND)
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    return cluster


def document(text: str, *numbers: int, **more: Any) -> str:
    instances = {f"web@{number}.service": "launched" for number in numbers}
    units = {"web@.service": {"text": text, "instances": instances}}
    return json.dumps({"owner": "web", "units": units, **more})


def lines(capsys: Output) -> list[str]:
    """What follows the table."""
    return capsys.readouterr().out.rpartition("\n\n")[2].splitlines()


@pytest.mark.parametrize("output", ["txt", "json"])
def test_a_roll_and_more_instances(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output, output: str
) -> None:
    fleetctl.document = document(NEW, 1, 2, 3)
    words = ["--output", "json"] if output == "json" else []
    assert fleetctl("plan", *words) == Exit.DONE
    assert capsys.readouterr().out == (GOLDEN / f"plan.{output}").read_text()


def test_nothing_is_written(fleetctl: Fleetctl, web: SmallCluster) -> None:
    before = dict(web.store.entries)
    fleetctl.document = document(NEW, 1, 2, 3)
    fleetctl("plan")
    assert web.store.entries == before


def test_units_and_files_are_planned_as_rollout_and_start_have_them(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    fleetctl.files = {"web@.service": NEW}
    fleetctl("plan", "web@.service")
    assert lines(capsys) == [
        "log@.service: 2 restart one after the other, never fewer than 1 of 2 active",
        "web@.service: 2 restart one after the other, never fewer than 1 of 2 active",
    ]
    fleetctl.files = {"web@.service": SLEEP}
    fleetctl("plan", "web@7", "web@8")
    assert lines(capsys) == ["web@.service: 2 start (machine-1 1, machine-3 1)"]


def test_a_global_unit_counts_on_each_machine(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    fleetctl.files = {"all.service": NEW.replace("HealthySec=0", "Global=true")}
    fleetctl("plan", "all.service")
    assert lines(capsys) == [
        "all.service: 3 restart one after the other, never fewer than 2 of 3 active"
    ]


def test_as_many_at_a_time_as_may_be_down(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    fleetctl.document = document(NEW, 1, 2, 3, 4)
    fleetctl("plan", "--max-unavailable", "2")
    assert "2 restart at once, never fewer than 2 of 2 active" in capsys.readouterr().out
    with pytest.raises(UsageError, match="--max-unavailable is 0"):
        fleetctl("plan", "--max-unavailable", "0")


def test_nothing_to_do_is_said(fleetctl: Fleetctl, web: SmallCluster, capsys: Output) -> None:
    fleetctl.document = document(SLEEP, 1, 2)
    assert fleetctl("plan") == Exit.DONE
    assert capsys.readouterr().out == "Nothing starts, moves, restarts or stops\n"


def test_what_fits_nowhere_is_refused_with_the_reasons(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    fleetctl.document = document(NEW + "Conflicts=web@*.service\n", 1, 2, 3, 4)
    with pytest.raises(CtlError, match="nothing would be done"):
        fleetctl("plan")
    said = capsys.readouterr().out
    assert "web@4.service: it fits on no machine:\n  3f2a91bc.../10.0.0.11: conflicts with" in said
    assert fleetctl("plan", "--output", "json") == Exit.FAILED
    assert list(json.loads(capsys.readouterr().out)["refused"]) == ["web@4.service"]


def test_a_unit_of_another_owner_is_refused(fleetctl: Fleetctl, web: SmallCluster) -> None:
    fleetctl.document = document(SLEEP, 1)
    fleetctl("apply")
    fleetctl.document = document(SLEEP, 1).replace('"owner": "web"', '"owner": "other"')
    with pytest.raises(CtlError, match="belongs to 'web'"):
        fleetctl("plan")


def test_one_that_has_failed_is_started_again(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    web.report("web@1.service", web.state("web@1.service", "failed", "failed"))
    fleetctl.document = document(SLEEP, 1, 2)
    fleetctl("plan", "--fields", "unit,action,why", "--no-legend")
    assert capsys.readouterr().out.split("\n")[0].split(maxsplit=2) == [
        "web@1.service", "start", "it is at rest",
    ]  # fmt: skip


def test_one_that_replaces_another_moves_it(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("old.service")
    fleetctl.files = {"new.service": SLEEP + "[X-Fleet]\nReplaces=old.service\n"}
    fleetctl("plan", "new.service")
    assert lines(capsys) == [
        "new.service: 1 starts (machine-1 1)",
        "old.service: 1 moves (machine-2 1), never fewer than 0 of 1 active",
    ]


def test_documents_that_come_before_count(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    followers = {"log@.service": {"text": BOUND, "instances": {"log@3.service": "launched"}}}
    alone = {"owner": "log", "units": followers}
    fleetctl.document = json.dumps(alone)
    with pytest.raises(CtlError):
        fleetctl("plan")
    capsys.readouterr()
    fleetctl.document = json.dumps({**alone, "after": [json.loads(document(SLEEP, 1, 2, 3))]})
    assert fleetctl("plan") == Exit.DONE
    assert lines(capsys) == ["log@.service: 1 starts (machine-3 1)"]


def test_secrets_that_are_set_before_are_not_missing(
    fleetctl: Fleetctl, web: SmallCluster, capsys: Output
) -> None:
    text = f"{SLEEP}LoadCredential=key:/run/fleet/credentials\n"
    unit = {"key.service": {"text": text, "target": "launched"}}
    asked = {"owner": "key", "units": unit}
    fleetctl.document = json.dumps(asked)
    with pytest.raises(CtlError):
        fleetctl("plan")
    assert "names the secret key" in capsys.readouterr().out
    fleetctl.document = json.dumps({**asked, "secrets": ["key"]})
    assert fleetctl("plan") == Exit.DONE
    assert "key.service: 1 starts" in capsys.readouterr().out


@pytest.mark.parametrize("secrets", ["{}", '["a/b"]', "7"])
def test_secrets_to_come_must_be_names(fleetctl: Fleetctl, secrets: str) -> None:
    fleetctl.document = f'{{"owner": "web", "units": {{}}, "secrets": {secrets}}}'
    with pytest.raises(CtlError, match="secrets must be a list of names"):
        fleetctl("plan")


@pytest.mark.parametrize("after", ["{}", '"x"'])
def test_after_must_be_documents(fleetctl: Fleetctl, after: str) -> None:
    fleetctl.document = f'{{"owner": "web", "units": {{}}, "after": {after}}}'
    with pytest.raises(CtlError, match="after must be a list"):
        fleetctl("plan")


NUMBERS = st.sets(st.integers(1, 6))


@settings(max_examples=30, deadline=None)
@given(
    before=NUMBERS, after=NUMBERS, failed=NUMBERS, changed=st.booleans(), at_once=st.integers(1, 3)
)
def test_what_is_planned_is_what_apply_does(
    before: set[int], after: set[int], failed: set[int], changed: bool, at_once: int
) -> None:
    cluster = SmallCluster()
    cluster.join(THIRD)
    fleetctl = Fleetctl(cluster, FakeMachines(cluster))
    old = SLEEP + "[X-Fleet]\nHealthySec=0\n"
    fleetctl.document = document(old, *before)
    fleetctl("apply")
    for number in failed & before:
        name = f"web@{number}.service"
        cluster.report(name, cluster.state(name, "failed", "failed"))
    fleetctl.document = document(NEW if changed else old, *after)
    printed = StringIO()
    with redirect_stdout(printed):
        fleetctl("plan", "--output", "json", "--max-unavailable", str(at_once))
    planned = json.loads(printed.getvalue())
    places = cluster.view().placements()
    seen = [active(cluster)]
    cluster.store.on_commit = lambda _: seen.append(active(cluster))
    cluster.log.clear()
    fleetctl("apply", "--max-unavailable", str(at_once))

    done = Counter(line.split()[0] for line in cluster.log)
    steps = [step for step in planned["steps"] if template_of(step["unit"])]
    kinds = Counter(step["action"] for step in steps)
    was_up = sum(step["action"] == "start" and step["from"] is not None for step in steps)
    assert done["start"] == kinds["start"] + kinds["restart"]
    assert done["stop"] == kinds["stop"] + kinds["restart"] + was_up
    now = cluster.view().placements()
    assert {s["unit"]: s["to"] for s in steps if s["to"]} == {
        unit: now[unit] for unit in (s["unit"] for s in steps if s["to"])
    }
    assert kinds["move"] == 0
    moved = {unit for unit, on in places.items() if now.get(unit, on) != on}
    assert moved <= {f"web@{number}.service" for number in failed}
    if planned["units"]:
        assert planned["units"][0]["active"] == seen[0]
        assert planned["units"][0]["lowest"] <= min(seen)


def active(cluster: SmallCluster) -> int:
    states = cluster.view().states.values()
    return sum(state.active == "active" for on in states for state in on.values())
