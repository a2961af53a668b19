"""The beginning of a run: it is handed out once, or nothing is left of it."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.state.secret_versions import current_versions
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.fleetctl.transient.events import Placed, Request, from_line
from fleet_cluster.fleet.fleetctl.transient.unit_file import TransientUnit
from fleet_cluster.fleet.kv import Condition, KVUnavailableError, Operation
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.pins import pins_of
from fleet_cluster.fleet.model.records import TRANSIENT, DesiredState, Eligibility
from fleet_cluster.fleet.model.secrets import Recipient
from tests.unit.fleet.fakes.sealer import key_of
from tests.unit.fleet.fleetctl.small_cluster import DB, WEB, Fleetctl, SmallCluster

NAME = "run-1.service"


@pytest.fixture(autouse=True)
def _machines_take_runs(cluster: SmallCluster):  # pyright: ignore[reportUnusedFunction]
    cluster.join(*(replace(machine, takes_runs=True) for machine in (WEB, DB)))


def begin(fleetctl: Fleetctl, *properties: str, on: str = "", on_all: bool = False) -> int:
    unit = TransientUnit(NAME, "run-1", ["/bin/true"], properties, on_all=on_all)
    fleetctl.document = Request(NAME, "1", unit.text(), on).to_json()
    return fleetctl("begin-run", "--detach")


def test_a_run_is_handed_to_its_machine_with_the_unit(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: pytest.CaptureFixture[str]
):
    assert begin(fleetctl, on="machine-2") == 0
    event = from_line(capsys.readouterr().out)
    assert isinstance(event, Placed) and [one.id for one in event.machines] == [DB.id]
    view = cluster.view()
    unit, run = view.units[NAME], view.runs[f"{NAME}/1"]
    assert (unit.owner, unit.desired_state, unit.machine) == (TRANSIENT, DesiredState.LOADED, DB.id)
    assert (run.machine, bool(run.by)) == (DB.id, True)
    left = [
        cluster.store.entries[key].lease for key in (keys.unit_key(NAME), keys.file_key(unit.sha))
    ]
    assert left == [0, 0], "it outlives fleetctl"
    assert not view.releases


def test_a_run_on_all_machines_is_handed_to_each(fleetctl: Fleetctl, cluster: SmallCluster):
    assert begin(fleetctl, on_all=True) == 0
    assert sorted(run.machine for run in cluster.view().runs.values()) == sorted([WEB.id, DB.id])
    assert cluster.view().units[NAME].machine == ""


def test_what_runs_stays_on_a_machine_that_is_drained(fleetctl: Fleetctl, cluster: SmallCluster):
    begin(fleetctl)
    machine = cluster.view().units[NAME].machine
    cluster.put(keys.eligibility_key(machine), Eligibility(draining=True))
    assert cluster.view().plan().placements[NAME] == machine
    cluster.put(keys.eligibility_key(machine), Eligibility(draining=True, force=True))
    assert NAME not in cluster.view().plan().placements


def test_what_runs_is_not_run_elsewhere_when_its_machine_is_lost(
    fleetctl: Fleetctl, cluster: SmallCluster
):
    begin(fleetctl)
    [machine] = [one for one in (WEB, DB) if one.id == cluster.view().units[NAME].machine]
    cluster.leave(machine)
    assert NAME not in cluster.view().plan().placements


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"properties": ("MachineMetadata=disk=ssd",)}, "disk=ssd wanted, machine has no disk"),
        ({"on": "machine-9"}, "there are: machine-1, machine-2"),
        ({"properties": ("MachineOf=run-1.service",)}, "a unit cannot follow itself"),
    ],
)
def test_nothing_is_written_of_what_cannot_be_run(
    fleetctl: Fleetctl, cluster: SmallCluster, asked: dict[str, object], said: str
):
    before = dict(cluster.store.entries)
    with pytest.raises(ValueError if "itself" in said else CtlError, match=said):
        begin(fleetctl, *asked.get("properties", ()), on=str(asked.get("on", "")))  # pyright: ignore
    assert cluster.store.entries == before


def test_two_units_of_one_name_do_not_meet(fleetctl: Fleetctl, cluster: SmallCluster):
    begin(fleetctl)
    before = dict(cluster.store.entries)
    with pytest.raises(CtlError, match="there is a unit run-1.service already"):
        begin(fleetctl)
    assert cluster.store.entries == before


def test_what_was_not_handed_out_goes_with_its_lease(
    fleetctl: Fleetctl, cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch
):
    """As when fleetctl is interrupted, or killed, while the unit is placed."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    begin_module = "fleet_cluster.fleet.fleetctl.transient.begin._wait_until_placed"
    monkeypatch.setattr(begin_module, interrupted)
    with pytest.raises(KeyboardInterrupt):
        begin(fleetctl)
    view = cluster.view()
    assert (view.units, view.files, view.runs) == ({}, {}, {})


def test_a_run_that_is_resumed_is_not_begun_again(fleetctl: Fleetctl, cluster: SmallCluster):
    begin(fleetctl)
    before = dict(cluster.store.entries)
    assert fleetctl("begin-run", "--detach", "--resumed") == 0
    assert cluster.store.entries == before


class Fails:
    """A store that fails as a run is handed out: before that is done, or after."""

    def __init__(self, cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch) -> None:
        self._store, self._commit = cluster.store, cluster.store.commit
        self._monkeypatch = monkeypatch

    def at_commit(self, *, is_done: bool, reads: int = 0) -> None:
        """`reads`: how many fail after that."""

        def commit(operations: Sequence[Operation], *conditions: Condition) -> int:
            is_hand_out = any(one.key.startswith(keys.RUNS) for one in operations)
            revision = self._commit(operations, *conditions) if is_done or not is_hand_out else 0
            if is_hand_out:
                self._store.unavailable = reads
                raise KVUnavailableError("no member answered")
            return revision

        self._monkeypatch.setattr(self._store, "commit", commit)

    def after_it(self) -> None:
        catch_up = Watcher.catch_up

        def fail(watcher: Watcher, revision: int) -> None:
            if any(key.startswith(keys.RUNS) for key in self._store.entries):
                raise KVUnavailableError("no member answered")
            catch_up(watcher, revision)

        self._monkeypatch.setattr(Watcher, "catch_up", fail)

    def at_revoke(self) -> None:
        def revoke(_lease: int) -> None:
            raise KVUnavailableError("no member answered")

        self._monkeypatch.setattr(self._store, "revoke", revoke)


@pytest.mark.parametrize("what", ["answer", "answer and a read", "view", "revoke"])
def test_a_run_that_was_handed_out_is_none_that_failed(
    fleetctl: Fleetctl, cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.fleetctl.transient.begin.RETRY_SECONDS", 0)
    fails = Fails(cluster, monkeypatch)
    if what in ("answer", "answer and a read"):
        fails.at_commit(is_done=True, reads=int(what != "answer"))
    elif what == "view":
        fails.after_it()
    else:
        fails.at_revoke()
    assert begin(fleetctl) == 0
    assert [*cluster.view().runs] == [f"{NAME}/1"]


def test_a_run_that_was_not_handed_out_has_failed(
    fleetctl: Fleetctl, cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    Fails(cluster, monkeypatch).at_commit(is_done=False)
    with pytest.raises(KVUnavailableError):
        begin(fleetctl)
    view = cluster.view()
    assert (view.units, view.files, view.runs) == ({}, {}, {})


def test_an_event_of_another_version_is_refused():
    for line in ("x", "[]", "{}", json.dumps({"placed": [{"id": "x y"}]})):
        with pytest.raises(CtlError, match="cannot be used"):
            from_line(line)


SECRET = "LoadCredential=db-password:/run/fleet/credentials"


def test_a_run_that_names_a_missing_secret_is_refused(fleetctl: Fleetctl, cluster: SmallCluster):
    before = dict(cluster.store.entries)
    with pytest.raises(CtlError, match="fleetctl secret set db-password < FILE"):
        begin(fleetctl, SECRET)
    assert cluster.store.entries == before


def test_a_run_is_given_its_secret_and_a_changed_one_leaves_it_alone(
    fleetctl: Fleetctl, cluster: SmallCluster
):
    cluster.put(keys.recipient_key(WEB.id), Recipient(key_of("web")))
    fleetctl.document = b64encode(b"one").decode()
    assert fleetctl("secret", "set", "db-password") == 0
    assert begin(fleetctl, SECRET) == 0
    before = cluster.view()
    (version,) = current_versions(before).values()
    assert pins_of(before.text_of(NAME) or "") == {"db-password": version}
    fleetctl.document = b64encode(b"two").decode()
    assert fleetctl("secret", "set", "db-password") == 0
    assert cluster.view().units == before.units
