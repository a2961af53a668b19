"""A backup is taken, checked, handed over and told of; one that fails leaves what there was."""

import os
import signal
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.backup.__main__ import Taking
from fleet_cluster.fleet.backup.destination import hand_over
from fleet_cluster.fleet.backup.settings import BackupError, Settings, read
from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model.backups import Backup
from fleet_cluster.fleet.model.keys import BACKUP, CLUSTER
from fleet_cluster.fleet.model.records import Cluster
from fleet_cluster.fleet.setup.etcdctl import Etcdctl
from fleet_cluster.fleet.setup.shell import StepError
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV

from .snapshots import snapshot

HERE = "10.0.0.11"
NOW = 1_795_921_200.0
ELSEWHERE = Path("/proc")
"""On another file system than a test's folder."""
NAME = "fleet-6d0fd7c9-20261129T030000Z.db"


class Member:
    """This machine's member of etcd, and the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.saved = snapshot()
        self.answers = True
        self.ended = False
        self.size = 1024
        self.store = MemoryKV(FakeClock())
        self.store.commit([Put(CLUSTER, Cluster("6d0fd7c91f").to_json())])

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        match command:
            case ("etcdctl", _, "snapshot", "save", path):
                assert env and env["ETCDCTL_CERT"].endswith("root.crt")
                part = Path(f"{path}.part")
                assert not part.exists(), "of one that was killed: it takes room"
                part.write_bytes(self.saved[:700])
                if self.ended:
                    os.kill(os.getpid(), signal.SIGTERM)
                part.rename(path)
                Path(path).write_bytes(self.saved)
            case ("etcdctl", _, _, _, "endpoint", "status", _):
                return f'[{{"Status": {{"dbSize": {self.size}}}}}]'
            case ("etcdctl", *_):
                if not self.answers:
                    raise StepError("context deadline exceeded")
            case _:
                assert command[:3] == ("etcdutl", "snapshot", "status")
        return "{}"

    def taking(self, settings: Settings) -> Taking:
        etcdctl = Etcdctl(self.run, lambda _: None)
        config = Config((f"{HERE}:2379",), HERE)
        own = (settings, config, self.store, etcdctl, self.run)
        return Taking(*own, clock=lambda: NOW, beside_data=self.folder)

    def told(self) -> Backup:
        return Backup.from_json(self.store.get([BACKUP]).entries[BACKUP].value)

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture(autouse=True)
def survives() -> Iterator[None]:
    """A signal that nobody takes up ends a test, not all of them."""

    def fail(_number: int, _frame: object) -> None:
        raise AssertionError("nobody has taken SIGTERM up")

    before = signal.signal(signal.SIGTERM, fail)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def member(tmp_path: Path) -> Member:
    return Member(tmp_path)


def into(folder: Path, keep: int = 2) -> Settings:
    return Settings(folder, "", keep, "")


def by(command: str) -> Settings:
    return Settings(None, command, 0, "")


def test_one_is_in_the_folder_and_etcd_knows_of_it(member: Member) -> None:
    record = member.taking(into(member.folder)).told()
    assert member.files() == {NAME}
    assert (member.folder / NAME).read_bytes() == member.saved
    assert record == member.told()
    assert (record.size, record.destination) == (len(member.saved), str(member.folder))


def test_the_oldest_go_when_the_new_one_is_there(member: Member) -> None:
    older = [f"fleet-6d0fd7c9-2026112{day}T030000Z.db" for day in range(5, 9)]
    for name in [*older, "fleet-77aa77aa-20200101T000000Z.db", "notes.txt"]:
        (member.folder / name).touch()
    member.taking(into(member.folder)).take()
    kept = {NAME, older[-1]}
    assert member.files() == {*kept, "fleet-77aa77aa-20200101T000000Z.db", "notes.txt"}


def spoilt(member: Member) -> None:
    member.saved = b"X" + member.saved[1:]


def cut_short(member: Member) -> None:
    member.saved = member.saved[:700]


def alone(member: Member) -> None:
    member.answers = False


def ended(member: Member) -> None:
    member.ended = True


def large(member: Member) -> None:
    member.size = 1 << 60


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (spoilt, "is damaged"),
        (cut_short, "no whole snapshot"),
        (alone, "its data may be old"),
        (ended, "it was told to end before it was done"),
        (large, "bytes left, and a snapshot needs"),
    ],
)
def test_a_bad_one_is_refused_and_told_and_none_before_is_touched(
    member: Member, happens: object, why: str
) -> None:
    member.taking(into(member.folder, 1)).told()
    assert callable(happens)
    happens(member)
    with pytest.raises(BackupError, match=why):
        replace(member.taking(into(member.folder, 1)), clock=lambda: NOW + 60).told()
    assert member.files() == {NAME}
    told = member.told()
    assert (told.taken_at, told.name, told.failed_at) == (NOW, NAME, NOW + 60)
    assert why in told.warning(NOW + 61)


def test_a_half_one_of_this_machine_goes_and_no_other(member: Member) -> None:
    for name in (f".fleet-{HERE}.new", f".fleet-{HERE}.new.part", ".fleet-10.0.0.12.new.part"):
        (member.folder / name).write_bytes(b"half")
    member.taking(into(member.folder)).take()
    assert member.files() == {NAME, ".fleet-10.0.0.12.new.part"}


def test_what_ends_the_process_does_so_again_afterwards(member: Member) -> None:
    before = signal.getsignal(signal.SIGTERM)
    member.taking(into(member.folder)).told()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_command_gets_it_on_standard_input_with_a_name(member: Member, tmp_path: Path) -> None:
    to = tmp_path / "elsewhere"
    to.mkdir()
    member.taking(by(f'cat > {to}/"$FLEET_BACKUP_NAME"')).told()
    assert (to / NAME).read_bytes() == member.saved
    assert member.files() == {"elsewhere"}, "nothing stays beside etcd's data"
    assert member.told().destination == "a command"


def test_a_command_that_fails_shows_its_last_lines_but_not_to_etcd(
    member: Member, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BackupError, match="exited with 4"):
        member.taking(by("seq 100; echo the-password >&2; exit 4")).told()
    said = capfd.readouterr().out
    assert "the-password" in said and "\n99\n" in said and "\n50\n" not in said
    assert "the-password" not in member.told().to_json()
    assert member.files() == set()


def test_a_command_may_say_more_than_fits_into_memory(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As `tee` does, which says the snapshot again."""
    (tmp_path / "snapshot").write_bytes(bytes(16 << 20))
    tracemalloc.start()
    try:
        hand_over("cat; echo; echo done", tmp_path / "snapshot", NAME, {})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 << 20
    assert capfd.readouterr().out.endswith("\ndone\n")


def test_the_last_part_of_the_folder_is_made_and_none_above_it(member: Member) -> None:
    folder = member.folder / "share" / "fleet"
    with pytest.raises(BackupError, match="fleet is not there, .*: is the share mounted"):
        member.taking(into(folder)).told()
    assert member.files() == set()
    folder.parent.mkdir()
    member.taking(into(folder)).told()
    assert [one.name for one in folder.iterdir()] == [NAME]


def test_one_on_the_machine_s_own_disk_is_told(member: Member) -> None:
    taking = member.taking(into(member.folder))
    replace(taking, own_disk=ELSEWHERE).told()
    assert not member.told().warning(NOW)
    replace(taking, own_disk=member.folder).told()
    assert f"on the own disk of {HERE}" in member.told().warning(NOW)
    replace(member.taking(by("cat")), own_disk=member.folder).told()
    assert not member.told().warning(NOW), "where a command puts it is not known"


def test_a_failure_is_over_with_the_next_good_one(member: Member) -> None:
    with pytest.raises(BackupError):
        member.taking(by("false")).told()
    member.taking(into(member.folder)).told()
    assert not member.told().failure


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "give one of"),
        ({"FOLDER": "/b", "COMMAND": "c", "KEEP": "1"}, "give one of"),
        ({"FOLDER": "/b", "KEEP": "0"}, "FLEET_BACKUP_KEEP is '0'"),
        ({"FOLDER": "/b"}, "FLEET_BACKUP_KEEP is ''"),
    ],
)
def test_settings_that_cannot_be_used(given: dict[str, str], why: str) -> None:
    with pytest.raises(BackupError, match=why):
        read({f"FLEET_BACKUP_{name}": value for name, value in given.items()})
