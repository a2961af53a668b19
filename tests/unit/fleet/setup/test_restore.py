"""The step `restore` on one machine: data give way to a snapshot's, and come back if need be."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd_configuration import render
from fleet_cluster.fleet.model.keys import CLUSTER, REBOOT_LOCK, eligibility_key, reboot_key
from fleet_cluster.fleet.model.reboots import RebootLock, RebootPhase, RebootRequest
from fleet_cluster.fleet.model.records import Eligibility
from fleet_cluster.fleet.setup.etcdctl import Etcdctl
from fleet_cluster.fleet.setup.restore import SPARE_BYTES, Restore
from fleet_cluster.fleet.setup.shell import RefusedError, StepError
from tests.unit.fleet.backup.snapshots import snapshot

HERE = "10.0.0.1"
NAMES = {"machine-1": HERE, "machine-2": "10.0.0.2", "machine-3": "10.0.0.3"}
REVISION = 70


class Machine:
    """A machine with a member of etcd, and its disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "fleet"
        self.running = self.well = True
        self.authenticated = True
        self.identities: list[int] = []
        """Revisions at which fleet has written an id, the last of which etcd has."""
        self.keys: dict[str, str] = {}
        """Others that etcd has."""
        self.commands: list[str] = []
        self.has("old")

    def has(self, content: str, folder: str = "fleet") -> None:
        (self.folder / folder).mkdir(exist_ok=True)
        (self.folder / folder / "member").write_text(content)

    def content(self, folder: str = "fleet") -> str:
        path = self.folder / folder / "member"
        return path.read_text() if path.exists() else ""

    def do(self, part: str, **given: Any) -> Mapping[str, Any]:
        told: list[str] = []
        config = Config(tuple(f"{address}:2379" for address in NAMES.values()), HERE)
        environment = render({"ETCD_NAME": "machine-1"})
        restore = Restore(
            data=self.data,
            run=self._run,
            systemctl=self._systemctl,
            etcdctl=Etcdctl(self._etcdctl, lambda _: None),
            read=lambda _: environment,
            config=lambda: config,
            print=told.append,
        )
        asked: dict[str, Any] = {"members": NAMES, "token": "t", "revision": REVISION}
        restore.step(json.dumps({"part": part, **asked, **given}))
        return json.loads(told[0])

    def prepare(self) -> None:
        (self.folder / "restore.db").write_bytes(snapshot())
        assert self.do("prepare") == {"revision": REVISION, "keys": 56}

    def _run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        self.commands.append(" ".join(command))
        if command[:3] == ("etcdutl", "snapshot", "restore"):
            self.has("restored", "fleet.restored")
        return f'{{"revision": {REVISION}, "totalKey": 56}}'

    def _systemctl(self, *words: str) -> str:
        if words[0] == "is-active" and not self.running:
            raise StepError("inactive")
        if words[0] in ("start", "stop"):
            self.running = words[0] == "start"
        return ""

    def _etcdctl(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        match command[4:]:
            case ("get", "health"):
                if not self.well:
                    raise StepError("context deadline exceeded")
                return ""
            case ("auth", "status", _):
                return json.dumps({"enabled": True} if self.authenticated else {})
            case ("get", "--prefix", prefix, _):
                found = {key: text for key, text in self.keys.items() if key.startswith(prefix)}
                return json.dumps({"kvs": [_kv(*one) for one in found.items()]} if found else {})
            case ("del", "--prefix", prefix):
                self.keys = {k: text for k, text in self.keys.items() if not k.startswith(prefix)}
                return ""
            case ("put", key, text):
                self.keys[key] = text
                return ""
            case ("del", key) if key != CLUSTER:
                self.keys.pop(key, None)
                return ""
            case ("get", key, _):
                assert key == CLUSTER
                found = [{"mod_revision": revision} for revision in self.identities[-1:]]
                return json.dumps({"kvs": found} if found else {})
            case words:
                assert words == ("del", CLUSTER)
                self.identities.append(REVISION + 9)  # fleet gives it another one.
                return ""


def _kv(key: str, text: str) -> Mapping[str, str]:
    return {"key": b64encode(key.encode()).decode(), "value": b64encode(text.encode()).decode()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_data_are_made_ready_beside_those_that_etcd_runs_on(machine: Machine) -> None:
    machine.prepare()
    assert machine.running and machine.content() == "old"
    [restored] = [one for one in machine.commands if "snapshot restore" in one]
    assert "--name=machine-1 " in restored
    assert "machine-2=https://10.0.0.2:2380,machine-3=https://10.0.0.3:2380 " in restored
    assert "--initial-cluster-token=t " in restored


@pytest.mark.parametrize("content", [b"", snapshot()[:-5], b"X" + snapshot()[1:]])
def test_a_snapshot_that_is_no_good_is_refused_before_etcd_sees_it(
    machine: Machine, content: bytes
) -> None:
    (machine.folder / "restore.db").write_bytes(content)
    with pytest.raises(RefusedError):
        machine.do("prepare")
    assert machine.commands == []


def test_what_there_was_stays_aside_until_all_is_well(machine: Machine) -> None:
    machine.prepare()
    machine.do("stop")
    machine.do("swap")
    assert (machine.content(), machine.content("fleet.before")) == ("restored", "old")
    machine.do("start")
    machine.do("wait")
    state = machine.do("look")
    assert (state["name"], state["running"], state["restored"]) == ("machine-1", True, True)
    machine.do("tidy")
    assert machine.content("fleet.before") == "old", "nothing says that all are well"
    machine.do("end")
    machine.do("tidy")
    assert {one.name for one in machine.folder.iterdir()} == {"fleet"}
    assert machine.content() == "restored"


@pytest.mark.parametrize("well", [True, False])
def test_a_second_try_keeps_what_there_was_before_the_first(machine: Machine, well: bool) -> None:
    for _ in range(2):
        machine.well = well  # A member that is well may be of a restore that was never settled.
        machine.prepare()
        machine.do("stop")
        machine.do("swap")
        machine.do("start")
    assert (machine.content(), machine.content("fleet.before")) == ("restored", "old")


def test_what_is_marked_is_not_taken_back(machine: Machine) -> None:
    machine.prepare()
    machine.do("swap")
    machine.do("end")
    assert machine.do("look")["settled"]
    with pytest.raises(RefusedError, match="has ended well for all members"):
        machine.do("undo")
    assert machine.running and machine.content() == "restored"


def test_a_mark_is_for_what_is_aside_now(machine: Machine) -> None:
    machine.has("of last year", "fleet.settled")
    machine.do("end")
    assert machine.content("fleet.settled") == "of last year"
    machine.prepare()
    machine.do("swap")
    machine.do("end")
    assert machine.content("fleet.settled") == "old"


def test_a_machine_tells_its_room_before_anything_is_sent(machine: Machine) -> None:
    found = machine.do("look")
    assert found["folder"] == str(machine.folder)
    assert found["free"] > 0
    assert found["spare"] == SPARE_BYTES


def test_the_data_of_before_come_back(machine: Machine) -> None:
    machine.prepare()
    machine.do("stop")
    machine.do("swap")
    machine.do("undo")
    assert machine.content() == "old"
    assert {one.name for one in machine.folder.iterdir()} == {"fleet"}


def test_what_is_not_wanted_leaves_nothing(machine: Machine) -> None:
    machine.prepare()
    machine.do("discard")
    assert {one.name for one in machine.folder.iterdir()} == {"fleet"}
    assert machine.running and machine.content() == "old"


def test_a_member_that_was_not_swapped_keeps_its_data(machine: Machine) -> None:
    machine.prepare()
    machine.do("undo")
    assert machine.running and machine.content() == "old"


def test_one_that_was_not_prepared_is_not_swapped(machine: Machine) -> None:
    with pytest.raises(StepError, match="nothing was prepared"):
        machine.do("swap")
    assert machine.content() == "old"


def test_a_member_without_data_gets_them(machine: Machine) -> None:
    (machine.data / "member").unlink()
    machine.data.rmdir()
    machine.prepare()
    machine.do("swap")
    assert machine.content() == "restored"


def test_fleet_gives_the_data_another_id(machine: Machine) -> None:
    machine.identities.append(REVISION - 5)
    machine.do("settle")
    assert machine.identities == [REVISION - 5, REVISION + 9]


def test_an_id_that_fleet_has_given_already_stays(machine: Machine) -> None:
    machine.identities.append(REVISION + 3)
    machine.do("settle")
    assert machine.identities == [REVISION + 3]


def test_reboots_of_then_do_not_go_on(machine: Machine) -> None:
    one, two, three = ("a" * 32, "b" * 32, "c" * 32)
    cordoned = Eligibility(cordoned=True, since=5.0)
    stays = {
        eligibility_key(three): Eligibility(draining=True).to_json(),
        eligibility_key("d" * 32): "no record",
        "/fleet/reboots-of-mine": "x",
    }
    machine.keys = {
        **stays,
        reboot_key(one): RebootRequest("s", "machine-1").to_json(),
        REBOOT_LOCK: RebootLock(one, "boot", RebootPhase.REBOOTING).to_json(),
        eligibility_key(one): Eligibility(cordoned=False, draining=True, rebooting=True).to_json(),
        eligibility_key(two): replace(cordoned, draining=True, rebooting=True).to_json(),
    }
    machine.identities.append(REVISION + 3)
    machine.do("settle")
    assert machine.keys == {**stays, eligibility_key(two): cordoned.to_json()}


def test_an_etcd_without_authentication_is_told(machine: Machine) -> None:
    machine.authenticated = False
    with pytest.raises(StepError, match="without authentication"):
        machine.do("settle")


def test_a_part_that_this_version_does_not_know_is_refused(machine: Machine) -> None:
    with pytest.raises(RefusedError, match="'dance' is no part of a restore"):
        machine.do("dance")
