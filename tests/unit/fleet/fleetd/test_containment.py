"""A fault of one unit, of a file or of systemd stays where it is, and is told."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.agent.checkpoint import Checkpoint
from fleet_cluster.fleet.coordination.lease import Lease
from fleet_cluster.fleet.model.keys import file_key, schedule_key, state_key
from fleet_cluster.fleet.model.records import DesiredState, UnitState
from fleet_cluster.fleet.state_file import DiskFile
from fleet_cluster.fleet.systemd.dbus import DBusSystemd
from fleet_cluster.fleet.systemd.fence import STOPPED, FencedUnits
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.agents import MACHINE, Bench
from tests.unit.fleet.fakes.clock import FULL, FakeClock, MemoryFile, no_chance
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.units import SLEEPS

A, B = "a.service", "b.service"
LONG = "a" * 242 + ".service"
"""What systemd would load, and what no drop-in's folder can be called after."""
EDITED = SLEEPS + "# by hand\n"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def problem(bench: Bench, unit: str) -> str:
    state = bench.state(unit)
    return state.problem if state else "no state"


def test_unit_whose_file_cannot_be_written_has_a_problem_and_others_run(bench: Bench) -> None:
    bench.systemd.unwritable[A] = "File name too long"
    bench.assign(A, SLEEPS)
    bench.run(B, SLEEPS)
    assert problem(bench, A) == "cannot be written: File name too long"
    assert list(bench.systemd.running()) == [B]


def test_unit_whose_file_could_not_be_written_can_be_destroyed(bench: Bench) -> None:
    bench.systemd.unwritable[A] = "File name too long"
    bench.run(A, SLEEPS)
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert bench.state(A) is None and A not in Checkpoint(bench.checkpoint_file).units


def test_unit_whose_file_can_be_written_later_runs_then(bench: Bench) -> None:
    bench.systemd.unwritable[A] = "No space left on device"
    bench.run(A, SLEEPS)
    bench.systemd.unwritable.clear()
    bench.agent.resync()  # The slow full reconcile.
    bench.settle()
    assert list(bench.systemd.running()) == [A] and problem(bench, A) == ""


def test_unit_whose_file_cannot_be_removed_has_a_problem_and_others_go(bench: Bench) -> None:
    for unit in (A, B):
        bench.run(unit, SLEEPS)
    bench.systemd.unwritable[A] = "Read-only file system"
    for unit in (A, B):
        bench.assign(unit, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert problem(bench, A) == "cannot be removed: Read-only file system"
    assert bench.state(B) is None and not bench.systemd.running()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (LONG, "has 250 characters: at most 248 fit"),
        ("web@.service", "is a template, which never runs itself"),
        ("no unit", "is not a unit's name"),
        ("below/a.service", "give the unit's name, not a path"),
    ],
)
def test_name_that_no_unit_can_have_is_its_own_problem(bench: Bench, name: str, why: str) -> None:
    bench.assign(name, SLEEPS)
    bench.run(B, SLEEPS)
    assert why in problem(bench, name)
    assert list(bench.systemd.running()) == [B]
    bench.assign(name, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    assert bench.state(name) is None


def test_unreadable_assignment_of_an_odd_name_stops_nobody(bench: Bench) -> None:
    bench.store.put(schedule_key(MACHINE, "below/" + A), "no record")
    bench.run(B, SLEEPS)
    assert list(bench.systemd.running()) == [B]


def test_file_that_is_not_what_its_key_says_is_not_run(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.assign(A, SLEEPS)
    bench.store.put(file_key(sha_of(SLEEPS)), EDITED)
    bench.settle()
    assert not bench.systemd.running() and "is missing in the store" in problem(bench, A)
    assert f"{file_key(sha_of(SLEEPS))} cannot be used" in caplog.text
    bench.run(A, SLEEPS)
    assert list(bench.systemd.running()) == [A]


def test_systemd_that_refuses_to_reload_keeps_nobody_else_from_starting(bench: Bench) -> None:
    bench.assign(B, SLEEPS, DesiredState.LOADED)
    bench.settle()
    bench.systemd.refuse_reload = "Refusing to reload, not enough space available"
    bench.assign(A, SLEEPS)
    bench.assign(B, SLEEPS)
    bench.settle()
    assert problem(bench, A) == f"cannot be written: {bench.systemd.refuse_reload}"
    assert list(bench.systemd.running()) == [B]
    assert bench.calls().count("reload") < 4
    bench.systemd.refuse_reload = ""
    bench.agent.resync()
    bench.settle()
    assert sorted(bench.systemd.running()) == [A, B]


def test_checkpoint_on_a_full_disk_holds_as_long_as_fleetd_lives(bench: Bench) -> None:
    checkpoint = Checkpoint(bench.checkpoint_file)
    bench.checkpoint_file.full = True
    checkpoint.follow("one", 7)
    assert (checkpoint.cluster, checkpoint.revision) == ("one", 7)
    assert "No space left" in checkpoint.unsaved
    bench.checkpoint_file.full = False
    checkpoint.follow("one", 7)
    assert not checkpoint.unsaved and Checkpoint(bench.checkpoint_file).revision == 7


def test_stops_on_a_full_disk(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.checkpoint_file.full = True
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    state = bench.state(A)
    assert not bench.systemd.running() and state and state.active == "inactive"


def test_lease_is_kept_on_a_full_disk() -> None:
    clock, file = FakeClock(), MemoryFile()
    lease = Lease(MemoryKV(clock), 10, clock, file, lambda: None, no_chance)
    file.full = True
    lease.renew()
    clock.advance(9)
    lease.renew()
    clock.advance(2)
    assert lease.id and lease.connected_for() > 0 and "No space left" in lease.unsaved
    file.full = False
    lease.renew()
    assert not lease.unsaved and file.text


def test_short_note_is_replaced_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = DiskFile(tmp_path / "lease")
    note.save("1 10.0 20.0 10\n")
    fill(monkeypatch)
    note.save("1 10.0 5.0 10\n")
    assert note.load().split() == ["1", "10.0", "5.0", "10"] and "No space left" in note.crowded
    note.save("1 10.0 6.0 10\n")
    assert note.load().split() == ["1", "10.0", "6.0", "10"]
    assert "lease.new" not in {path.name for path in tmp_path.iterdir()}


def test_long_note_is_replaced_on_a_full_disk_by_the_room_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = DiskFile(tmp_path / "agent.json")
    note.save("x" * 5000)
    fill(monkeypatch)
    note.save("y" * 6000)
    assert note.load().strip() == "y" * 6000 and "No space left" in note.crowded
    assert DiskFile(tmp_path / "agent.json").load().strip() == "y" * 6000


def test_note_without_room_is_refused_and_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, new = DiskFile(tmp_path / "long"), DiskFile(tmp_path / "new")
    long.save("x" * 5000)
    fill(monkeypatch)
    for note in (long, new):
        with pytest.raises(OSError, match="No space left"):
            note.save("y" * 50000)
    assert long.load() == "x" * 5000 and new.load() == ""


def test_fence_stops_also_what_it_cannot_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[str, ...]] = []

    def note(*arguments: str, seconds: float) -> str:
        told.append(arguments)
        return ""

    units = FencedUnits(tmp_path, note)
    units.note([A])
    (tmp_path / B).mkdir()  # Nothing can be written there.
    units.stop([A, B], 1)
    assert told == [("stop", "--no-block", "--", A, B)]
    assert (tmp_path / A).read_text() == STOPPED and B in caplog.text


def test_fence_notes_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units = FencedUnits(tmp_path, say_nothing)
    units.note([A])
    fill(monkeypatch)
    units.stop([A], 1)
    assert units.stopped() == {A}


def test_one_file_that_cannot_be_written_or_removed_is_told_and_others_are(tmp_path: Path) -> None:
    systemd = DBusSystemd(tmp_path / "system", tmp_path / "fleet", tmp_path / "fenced")
    (tmp_path / "system" / A).mkdir(parents=True)
    refused = systemd.write({A: SLEEPS, B: SLEEPS})
    assert list(refused) == [A] and "directory" in refused[A]
    assert systemd.files() == {B: sha_of(SLEEPS)}
    assert sorted(path.name for path in (tmp_path / "system").iterdir()) == [A, B]


def test_longest_name_of_systemd_can_be_written(tmp_path: Path) -> None:
    systemd = DBusSystemd(tmp_path / "system", tmp_path / "fleet", tmp_path / "fenced")
    longest = "a" * 247 + ".service"
    assert systemd.write({longest: SLEEPS + "[X-Fleet]\nFence=true\n"}) == {}
    assert list(systemd.files()) == [longest]


def test_file_that_is_no_text_any_more_counts_as_changed(tmp_path: Path) -> None:
    systemd = DBusSystemd(tmp_path / "system", tmp_path / "fleet", tmp_path / "fenced")
    systemd.write({A: SLEEPS, B: SLEEPS})
    (tmp_path / "system" / A).write_bytes(b"\xff\xfe")
    files = systemd.files()
    assert files[B] == sha_of(SLEEPS) and files[A] != sha_of(SLEEPS)


def say_nothing(*_arguments: str, seconds: float) -> str:
    return ""


def fill(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no file can be made longer."""

    def write_text(path: Path, text: str) -> int:
        path.touch()
        raise FULL

    def write_bytes(path: Path, content: bytes) -> int:
        return write_text(path, "")

    monkeypatch.setattr(Path, "write_text", write_text)
    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_file_changed_by_hand_is_written_again_before_a_start(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.systemd.disk[A] = EDITED
    bench.systemd.reload()
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    bench.run(A, SLEEPS)
    assert bench.systemd.running() == {A: sha_of(SLEEPS)}
    assert bench.systemd.disk[A] == SLEEPS


def test_file_that_systemd_has_not_read_is_read_before_a_start(bench: Bench) -> None:
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    bench.systemd.disk[A] = EDITED
    bench.systemd.reload()
    bench.systemd.disk[A] = SLEEPS  # Put back, and systemd not told.
    bench.run(A, SLEEPS)
    assert bench.systemd.running() == {A: sha_of(SLEEPS)}


def test_file_changed_by_hand_that_cannot_be_written_again_is_not_started(bench: Bench) -> None:
    bench.assign(A, SLEEPS, DesiredState.LOADED)
    bench.settle()
    bench.systemd.disk[A] = EDITED
    bench.systemd.unwritable[A] = "Read-only file system"
    bench.run(A, SLEEPS)
    assert not bench.systemd.running()
    assert problem(bench, A) == (
        "its file was changed, and cannot be written again: Read-only file system"
    )


def test_problem_of_an_earlier_assignment_is_not_told_of_the_next(bench: Bench) -> None:
    bench.systemd.foreign[A] = "masked"
    bench.systemd.reload()
    bench.run(A, SLEEPS)
    assert problem(bench, A).startswith("the machine has its own unit of this name")
    bench.assign(A, SLEEPS, DesiredState.INACTIVE)
    bench.settle()
    bench.systemd.foreign.clear()
    bench.systemd.reload()
    said: list[str] = []
    bench.store.on_commit = lambda changes: said.extend(
        UnitState.from_json(entry.value).problem
        for key, entry in changes.puts.items()
        if key == state_key(MACHINE, A)
    )
    bench.run(A, SLEEPS)
    assert said and set(said) == {""}


def test_journal_is_that_of_this_start(bench: Bench) -> None:
    bench.run(A, SLEEPS)
    bench.systemd.fail(A)
    bench.settle()
    state = bench.state(A)
    assert (
        state
        and state.start_requested_at
        and bench.systemd.journals_since == {A: state.start_requested_at}
    )
