"""`fleetctl restore`: nothing is touched before all is ready; a failure says where each is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.operations.context import no_kv
from fleet_cluster.fleet.fleetctl.operations.machines import restore as operation
from fleet_cluster.fleet.fleetctl.operations.machines.restore import restore, undo
from fleet_cluster.fleet.fleetctl.remote.access import FromMachine
from fleet_cluster.fleet.fleetctl.remote.machines import Machines
from fleet_cluster.fleet.fleetctl.remote.members import Member, MemberError, find_members
from fleet_cluster.fleet.fleetctl.remote.ssh import SshOptions
from tests.unit.fleet.backup.snapshots import snapshot

MACHINES = FromMachine(no_kv, SshOptions())
ALL: tuple[str, ...] = ("machine-1", "machine-2", "machine-3")


class Far:
    """etcd's machines: what each was asked, and which of them fail at what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.fails: set[tuple[str, str]] = set()
        self.running = dict.fromkeys(ALL, True)
        self.restored = dict.fromkeys(ALL, False)
        self.settled = dict.fromkeys(ALL, False)
        self.free = dict.fromkeys(ALL, 1 << 30)

    def members(self, _machines: Machines) -> list[Member]:
        return [
            Member(name, f"10.0.0.{n}", self._state(name), self._asker(name))
            for n, name in enumerate(ALL, 1)
        ]

    def parts(self, name: str) -> list[str]:
        return [part for who, part in self.asked if who == name]

    def _state(self, name: str) -> Mapping[str, Any]:
        return {
            "running": self.running[name],
            "restored": self.restored[name],
            "settled": self.settled[name],
        }

    def _asker(self, name: str) -> Any:
        def ask(words: tuple[str, ...], stdin: bytes = b"", file: Path = Path()) -> str:
            part = "upload" if "dd" in words else json.loads(stdin)["part"]
            self.asked.append((name, part))
            if (name, part) in self.fails:
                raise MemberError("Connection closed")
            self.running[name] = {"stop": False, "start": True}.get(part, self.running[name])
            if part == "end":
                self.settled[name] |= self.restored[name]
            self.settled[name] &= part != "tidy"
            self.restored[name] = {"swap": True, "undo": False, "end": False}.get(
                part, self.restored[name]
            )
            room = {"folder": "/var/lib/etcd", "free": self.free[name], "spare": 1000}
            return json.dumps({"revision": 70, "keys": 56, **room, **self._state(name)})

        return ask


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Far:
    far = Far()
    monkeypatch.setattr(operation, "find_members", far.members)
    return far


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.db"
    path.write_bytes(snapshot())
    return path


def run(file: Path, answer: str = "") -> None:
    def confirm(text: str) -> None:
        assert "Units run on" in text
        if answer:
            raise CtlError(answer)

    restore(MACHINES, file, confirm)


def refuse(text: str) -> None:
    raise CtlError(text)


def test_all_are_ready_before_one_stops_and_none_starts_before_all_have_the_data(
    far: Far, file: Path
) -> None:
    run(file)
    assert [part for _, part in far.asked[12:]] == [
        *(part for part in ("stop", "swap", "start", "wait") for _ in ALL),
        "settle",
        *["end"] * 3,
        *["tidy"] * 3,
    ]
    ready = ("discard", "look", "upload", "prepare")
    assert set(far.asked[:12]) == {(name, part) for name in ALL for part in ready}


def test_a_file_that_is_no_snapshot_goes_to_no_machine(far: Far, file: Path) -> None:
    file.write_bytes(b"X" + snapshot()[1:])
    with pytest.raises(CtlError, match="is damaged.*Nothing was changed"):
        run(file)
    with pytest.raises(CtlError, match="No such file.*Nothing was changed"):
        run(file.with_name("none.db"))
    assert far.asked == []


def test_who_says_no_changes_nothing(far: Far, file: Path) -> None:
    with pytest.raises(CtlError, match="not now"):
        run(file, answer="not now")
    assert {part for _, part in far.asked} == {"look", "upload", "prepare", "discard"}
    assert all(far.parts(name)[-1] == "discard" for name in ALL), "it holds secrets"


def test_where_one_has_no_room_nothing_is_sent_to_any(far: Far, file: Path) -> None:
    needed = 2 * len(snapshot()) + 1000
    far.free = {**far.free, "machine-2": needed - 1, "machine-3": needed}
    with pytest.raises(CtlError) as failed:
        run(file)
    first, *lines = str(failed.value).splitlines()
    assert "nothing was sent" in first
    assert lines == [
        f"  machine-2: /var/lib/etcd has {needed - 1} bytes left, and {needed} are needed"
    ]
    assert {part for _, part in far.asked} == {"discard", "look"}
    far.free["machine-2"] = needed
    run(file)


@pytest.mark.parametrize("part", ["upload", "prepare"])
def test_where_one_cannot_be_made_ready_etcd_runs_on(far: Far, file: Path, part: str) -> None:
    far.fails = {("machine-2", part)}
    with pytest.raises(CtlError, match="(?s)nothing was changed.*machine-2: Connection closed"):
        run(file)
    assert "stop" not in {part for _, part in far.asked}
    assert all(far.parts(name)[-1] == "discard" for name in ALL)


def test_where_one_does_not_stop_the_others_start_as_they_were(far: Far, file: Path) -> None:
    far.fails = {("machine-3", "stop")}
    with pytest.raises(CtlError, match="(?s)does not stop on machine-3.*nothing was changed"):
        run(file)
    assert far.running == dict.fromkeys(ALL, True)
    assert "swap" not in {part for _, part in far.asked}
    assert all(far.parts(name)[-1] == "discard" for name in ALL), "it holds secrets"


def test_one_that_does_not_start_again_is_named_with_what_to_do(far: Far, file: Path) -> None:
    far.fails = {("machine-3", "stop"), ("machine-2", "start")}
    with pytest.raises(CtlError) as failed:
        run(file)
    assert str(failed.value).splitlines() == [
        "etcd does not stop on machine-3:",
        "  machine-3: Connection closed",
        "Nothing was swapped, but etcd does not start on machine-2 again. Mend what it says, then "
        "there: sudo systemctl start etcd.service",
        "  machine-2: Connection closed",
    ]


def test_what_was_made_ready_and_is_not_removed_is_told(far: Far, file: Path) -> None:
    far.fails = {("machine-3", "stop")}

    def confirm(_text: str) -> None:
        far.fails.add(("machine-3", "discard"))

    with pytest.raises(CtlError, match="(?s)nothing was changed.*still there.*machine-3: Conn"):
        restore(MACHINES, file, confirm)


def test_one_that_fails_in_between_says_where_each_is_and_how_to_go_on(
    far: Far, file: Path
) -> None:
    far.fails = {("machine-2", "swap")}
    with pytest.raises(CtlError) as failed:
        run(file)
    assert str(failed.value).splitlines() == [
        "swap failed on machine-2:",
        "  machine-2: Connection closed",
        "  machine-1: the snapshot's data, stopped",
        "  machine-2: the data of before, stopped",
        "  machine-3: the snapshot's data, stopped",
        operation.AGAIN,
    ]
    far.fails.clear()
    run(file)
    assert far.running == dict.fromkeys(ALL, True)


def test_what_was_begun_is_taken_back(far: Far, file: Path) -> None:
    far.fails = {("machine-2", "wait")}
    with pytest.raises(CtlError, match="wait failed on machine-2"):
        run(file)
    far.fails.clear()
    undo(MACHINES, lambda _: None)
    assert far.restored == dict.fromkeys(ALL, False)
    assert far.running == dict.fromkeys(ALL, True)


def test_nothing_is_taken_back_where_nothing_was_begun(far: Far) -> None:
    with pytest.raises(CtlError, match="no restore is under way"):
        undo(MACHINES, lambda _: None)
    assert far.asked == []


def test_what_there_was_is_kept_when_fleet_does_not_know_the_data(far: Far, file: Path) -> None:
    far.fails = {("machine-1", "settle")}
    with pytest.raises(CtlError, match="(?s)machine-3: the snapshot's data, running.*--undo"):
        run(file)
    assert not {"end", "tidy"} & {part for _, part in far.asked}
    far.fails.clear()
    with pytest.raises(CtlError, match="what they have now is dropped"):
        restore(MACHINES, file, refuse)
    assert not {"end", "tidy"} & {part for _, part in far.asked}


def test_what_one_does_not_mark_none_removes_and_the_next_restore_does(
    far: Far, file: Path
) -> None:
    far.fails = {("machine-2", "end")}
    with pytest.raises(CtlError, match="(?s)is well; what it had before.*machine-2: Connection"):
        run(file)
    assert "tidy" not in {part for _, part in far.asked}
    with pytest.raises(CtlError, match="as machine-1, machine-3 say.*Nothing was changed"):
        undo(MACHINES, lambda _: None)
    far.asked.clear()
    with pytest.raises(CtlError, match="an earlier restore ended well"):
        run(file)
    assert {part for _, part in far.asked} == {"end"}
    far.fails.clear()
    far.asked.clear()
    run(file)
    assert [part for _, part in far.asked[:7]] == [*["end"] * 3, *["tidy"] * 3, "discard"]
    assert not any(far.restored.values()) and not any(far.settled.values())


def test_a_machine_of_the_cluster_is_no_place_for_it() -> None:
    with pytest.raises(CtlError, match="run it on your own computer"):
        find_members(MACHINES)
