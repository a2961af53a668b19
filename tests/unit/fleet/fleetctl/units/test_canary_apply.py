"""`fleetctl apply` with `canary`, as `pulumi up` runs it: what is wanted, claimed and planned."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.fleetctl.state.claims import PRINTED
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, MachineState, Unit
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

WEBS = "web@.service"
NAMES = [f"web@{number}.service" for number in (1, 2, 3)]
OLD, NEW = (f"{SLEEP}Environment=N={number}\n" for number in range(2))
GLOBAL = "[X-Fleet]\nGlobal=true\n"
ALL = "all.service"
CORE = MachineState("a5c0ffee" + "0" * 24, "10.0.0.13", "machine-3")


def template(text: str, canary: object, *instances: str) -> str:
    unit = {"text": text, "instances": dict.fromkeys(instances or NAMES, "launched")}
    units = {WEBS: {**unit, **({"canary": canary} if canary else {})}}
    return json.dumps({"owner": WEBS, "units": units})


class Pulumi:
    """`pulumi up` of a resource: it runs when its document differs, or what was done by hand."""

    def __init__(self, fleetctl: Fleetctl, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
        self._fleetctl, self._capsys, self._monkeypatch = fleetctl, capsys, monkeypatch
        self._inputs: tuple[str, str, int] | None = None
        self.printed: dict[str, Any] = {}

    def up(self, document: str, connection: str = "machine-1") -> bool:
        """Whether there was anything to do; also when only the way to the machines has changed."""
        inputs = document, connection, self._mended()
        if inputs == self._inputs:
            return False
        self._monkeypatch.setenv(PRINTED, json.dumps(self.printed))
        self._fleetctl.document = document
        assert self._fleetctl("apply", "--claim", str(inputs[2])) == Exit.DONE
        self.printed, self._inputs = json.loads(self._capsys.readouterr().out), inputs
        return True

    def _mended(self) -> int:
        self._capsys.readouterr()
        self._fleetctl("drift")
        drift = json.loads(self._capsys.readouterr().out)
        return drift["mended"].get(WEBS, 0) + (WEBS in drift["changed"])


@pytest.fixture
def pulumi(fleetctl: Fleetctl, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    return Pulumi(fleetctl, capsys, monkeypatch)


def on_new(cluster: SmallCluster) -> list[str]:
    units = cluster.view().units
    return sorted(name for name in (WEBS, *NAMES) if units[name].sha == sha_of(NEW))


def test_a_changed_file_stops_after_the_canary_and_goes_on_without_it(
    pulumi: Pulumi, cluster: SmallCluster
) -> None:
    assert pulumi.up(template(OLD, 1)), "what is not there yet has no canary"
    assert "canaries" not in pulumi.printed
    assert pulumi.up(template(NEW, 1))
    assert on_new(cluster) == NAMES[:1]
    said = "1 of 3 instances of web@.service have the new file"
    assert pulumi.printed["canaries"] == {WEBS: said}
    assert not pulumi.up(template(NEW, 1)), "with nothing changed, nothing is done"
    cluster.log.clear()
    assert pulumi.up(template(NEW, 0))
    assert on_new(cluster) == [WEBS, *NAMES]
    assert {line.split()[1] for line in cluster.log} == set(NAMES[1:])
    assert not cluster.view().canaries
    assert "canaries" not in pulumi.printed


def test_what_was_gone_on_with_by_hand_is_so(
    pulumi: Pulumi, fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    pulumi.up(template(OLD, 1))
    pulumi.up(template(NEW, 1))
    assert fleetctl("rollout", "--continue", WEBS) == Exit.DONE
    cluster.log.clear()
    pulumi.up(template(NEW, 1))
    assert on_new(cluster) == [WEBS, *NAMES]
    assert cluster.log == []
    assert not pulumi.up(template(NEW, 1))


def test_what_was_taken_back_by_hand_is_a_canary_again(
    pulumi: Pulumi, fleetctl: Fleetctl, cluster: SmallCluster
) -> None:
    pulumi.up(template(OLD, 1))
    pulumi.up(template(NEW, 1))
    assert fleetctl("rollout", "--back", WEBS) == Exit.DONE
    assert on_new(cluster) == []
    assert pulumi.up(template(NEW, 1))
    assert on_new(cluster) == NAMES[:1]


def test_the_file_before_takes_it_back(pulumi: Pulumi, cluster: SmallCluster) -> None:
    pulumi.up(template(OLD, 1))
    pulumi.up(template(NEW, 1))
    assert pulumi.up(template(OLD, 1))
    assert on_new(cluster) == []
    assert not cluster.view().canaries


def test_another_instance_has_the_file_before(pulumi: Pulumi, cluster: SmallCluster) -> None:
    pulumi.up(template(OLD, 1))
    pulumi.up(template(NEW, 1))
    assert pulumi.up(template(NEW, 1, *NAMES, "web@4.service"))
    assert on_new(cluster) == NAMES[:1]
    wanted = Unit(sha_of(OLD), DesiredState.LAUNCHED, WEBS)
    assert cluster.view().units["web@4.service"] == wanted


def test_instances_that_were_started_by_hand_keep_the_file_before(
    pulumi: Pulumi, cluster: SmallCluster
) -> None:
    for name in NAMES:
        cluster.add(name, OLD)
    pulumi.up(template(NEW, 1))
    assert on_new(cluster) == NAMES[:1]
    assert {unit.owner for unit in cluster.view().units.values()} == {WEBS}


def everywhere(text: str, canary: int) -> str:
    units = {ALL: {"text": text + GLOBAL, "canary": canary}}
    return json.dumps({"owner": WEBS, "units": units})


def machines_on_new(cluster: SmallCluster) -> set[str]:
    """The machines that were told to run with the new file."""
    view = cluster.view()
    told = {id for id, one in view.assigned(ALL).items() if one.sha == sha_of(NEW + GLOBAL)}
    return {view.machines[id].hostname for id in told if id in view.machines}


def leave(cluster: SmallCluster, machine: MachineState, *, is_forgotten: bool) -> None:
    """It goes away, and after a while the leader forgets what it was told to run."""
    cluster.leave(machine)
    if is_forgotten:
        cluster.store.remove(keys.schedule_key(machine.id, ALL))


def test_a_global_unit_goes_on_too(pulumi: Pulumi, cluster: SmallCluster) -> None:
    pulumi.up(everywhere(OLD, 1))
    pulumi.up(everywhere(NEW, 1))
    assert len(cluster.view().units[ALL].previous_files) == 1
    assert not pulumi.up(everywhere(NEW, 1))
    assert pulumi.up(everywhere(NEW, 0))
    assert not cluster.view().units[ALL].retained_files


@pytest.mark.parametrize("is_forgotten", [False, True])
@pytest.mark.parametrize("away", [WEB, CORE], ids=["canary away", "other away"])
def test_a_machine_that_is_away_changes_nothing_of_a_global_canary(
    pulumi: Pulumi, cluster: SmallCluster, away: MachineState, is_forgotten: bool
) -> None:
    cluster.join(CORE)
    pulumi.up(everywhere(OLD, 1))
    pulumi.up(everywhere(NEW, 1))
    canary, pending = {WEB.hostname}, cluster.view().canaries
    assert machines_on_new(cluster) == canary
    leave(cluster, away, is_forgotten=is_forgotten)
    writes, claimed = cluster.store.writes, pulumi.printed["claim"]
    assert pulumi.up(everywhere(NEW, 1), "machine-2"), "the way to the machines has changed"
    assert cluster.store.writes == writes, "with nothing changed, nothing is done"
    assert pulumi.printed["claim"] == claimed
    assert ALL in pulumi.printed["canaries"]
    assert not pulumi.up(everywhere(NEW, 1), "machine-2"), "nor was anything done by hand"
    cluster.come_back(away)
    assert machines_on_new(cluster) == canary
    assert cluster.view().canaries == pending
    assert pulumi.up(everywhere(NEW, 0))
    assert machines_on_new(cluster) == {"machine-1", "machine-2", "machine-3"}


def test_a_machine_that_comes_while_a_global_canary_waits_has_the_file_before(
    pulumi: Pulumi, cluster: SmallCluster
) -> None:
    pulumi.up(everywhere(OLD, 1))
    pulumi.up(everywhere(NEW, 1))
    cluster.join(CORE)
    cluster.come_back(CORE)
    assert machines_on_new(cluster) == {WEB.hostname}
    assert not pulumi.up(everywhere(NEW, 1)), "nothing was done by hand"
    assert pulumi.up(everywhere(NEW, 0))
    assert machines_on_new(cluster) == {"machine-1", "machine-2", "machine-3"}


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_canary_of_two_machines_stays_while_one_is_away(
    pulumi: Pulumi, cluster: SmallCluster, is_forgotten: bool
) -> None:
    pulumi.up(everywhere(OLD, 1))
    pulumi.up(everywhere(NEW, 1))
    leave(cluster, WEB, is_forgotten=is_forgotten)
    assert pulumi.up(everywhere(NEW, 1), "machine-2")
    cluster.come_back(WEB)
    assert machines_on_new(cluster) == {WEB.hostname}


def test_one_of_two_canary_machines_is_not_replaced_while_it_is_away_for_long(
    pulumi: Pulumi, cluster: SmallCluster
) -> None:
    cluster.join(CORE)
    pulumi.up(everywhere(OLD, 2))
    pulumi.up(everywhere(NEW, 2))
    leave(cluster, DB, is_forgotten=True)
    assert pulumi.up(everywhere(NEW, 2), "machine-2")
    assert pulumi.printed["canaries"] == {ALL: "2 of 3 machines of all.service have the new file"}
    cluster.come_back(DB)
    assert machines_on_new(cluster) == {WEB.hostname, DB.hostname}


def test_a_canary_whose_machines_an_earlier_version_has_not_noted_stays_pending(
    pulumi: Pulumi, cluster: SmallCluster
) -> None:
    pulumi.up(everywhere(OLD, 1))
    pulumi.up(everywhere(NEW, 1))
    unit, canary = cluster.view().units[ALL], cluster.view().canaries[ALL]
    kept = {DB.id: canary.previous_sha}
    cluster.put(keys.unit_key(ALL), replace(unit, retained_files=kept, newcomers_sha=""))
    cluster.put(keys.canary_key(ALL), replace(canary, machines={}))
    leave(cluster, WEB, is_forgotten=True)
    assert pulumi.up(everywhere(NEW, 1), "machine-2")
    assert pulumi.printed["canaries"] == {ALL: "0 of 1 machines of all.service have the new file"}
    cluster.come_back(WEB)
    assert machines_on_new(cluster) == {WEB.hostname}


def test_a_machine_that_is_away_when_a_canary_begins_returns_with_the_file_before(
    pulumi: Pulumi, cluster: SmallCluster
) -> None:
    cluster.join(CORE)
    pulumi.up(everywhere(OLD, 1))
    leave(cluster, WEB, is_forgotten=False)
    pulumi.up(everywhere(NEW, 1))
    assert machines_on_new(cluster) == {DB.hostname}, "one that is there, to be tried"
    cluster.come_back(WEB)
    pulumi.up(everywhere(NEW, 1), "machine-2")
    assert machines_on_new(cluster) == {DB.hostname}


def test_a_canary_of_more_machines_adds_those_that_are_there(
    pulumi: Pulumi, cluster: SmallCluster
) -> None:
    cluster.join(CORE)
    pulumi.up(everywhere(OLD, 1))
    pulumi.up(everywhere(NEW, 1))
    leave(cluster, DB, is_forgotten=True)
    pulumi.up(everywhere(NEW, 2))
    assert machines_on_new(cluster) == {WEB.hostname, CORE.hostname}


def test_the_plan_tells_of_the_canary_only(
    pulumi: Pulumi, fleetctl: Fleetctl, capsys: Output
) -> None:
    pulumi.up(template(OLD, 1))
    fleetctl.document = template(NEW, 1)
    assert fleetctl("plan", "--output", "json") == Exit.DONE
    planned = json.loads(capsys.readouterr().out)
    assert [step["unit"] for step in planned["steps"]] == NAMES[:1]
    assert "\n".join(planned["lines"]) == (
        "web@.service: 1 restarts, never fewer than 2 of 3 active, "
        "then it stops: that is its canary"
    )


@pytest.mark.parametrize(
    ("canary", "complaint"),
    [
        (-1, "the canary of web@.service is -1; it must be a whole number"),
        ("1", "the canary of web@.service is '1'"),
        (3, "a canary of 3 would be all of web@.service, which runs as 3 instances"),
    ],
)
def test_bad_documents(
    pulumi: Pulumi, fleetctl: Fleetctl, cluster: SmallCluster, canary: object, complaint: str
) -> None:
    pulumi.up(template(OLD, 0))
    writes = cluster.store.writes
    fleetctl.document = template(NEW, canary)
    with pytest.raises(CtlError, match=complaint):
        fleetctl("apply")
    assert cluster.store.writes == writes
