"""Room that is kept for etcd."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.disks import reserve
from fleet_cluster.fleet.disks.reserve import AMPLE, LOWEST, SIZE, Reserve, is_due
from tests.unit.fleet.fakes.clock import FULL

SMALL = 1 << 20


def is_ample(_free: int, is_kept: bool) -> bool:
    return not is_kept


def is_full(_free: int, is_kept: bool) -> bool:
    return is_kept


@pytest.mark.parametrize(
    ("free", "is_kept", "due"),
    [
        (LOWEST, True, False),
        (LOWEST - 1, True, True),
        (0, True, True),
        (0, False, False),
        (SIZE + AMPLE - 1, False, False),
        (SIZE + AMPLE, False, True),
    ],
)
def test_it_is_released_when_there_is_no_other_room_and_made_when_there_is_much(
    free: int, is_kept: bool, due: bool
) -> None:
    assert is_due(free, is_kept) is due


def test_what_was_released_is_not_made_of_the_same_room() -> None:
    """Or it would come and go."""
    assert LOWEST + SIZE < SIZE + AMPLE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a member has its data, on a disk with room enough."""
    (tmp_path / "fleet").mkdir()
    monkeypatch.setattr(reserve, "SIZE", SMALL)
    monkeypatch.setattr(reserve, "is_due", is_ample)
    return tmp_path


def test_it_takes_its_room_and_gives_it_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Reserve(folder / "fleet").look()
    file = folder / "reserved"
    assert file.stat().st_blocks * 512 >= SMALL
    Reserve(folder / "fleet").look()
    assert file.exists()
    monkeypatch.setattr(reserve, "is_due", is_full)
    Reserve(folder / "fleet").look()
    assert [one.name for one in folder.iterdir()] == ["fleet"]


def test_half_a_reserve_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise FULL

    monkeypatch.setattr(reserve.os, "posix_fallocate", fail)
    with pytest.raises(OSError, match="No space left"):
        Reserve(folder / "fleet").look()
    assert [one.name for one in folder.iterdir()] == ["fleet"]


def test_a_machine_that_is_no_member_keeps_none(folder: Path) -> None:
    Reserve(folder / "fleet").look()
    (folder / "fleet").rmdir()
    Reserve(folder / "fleet").look()
    assert not list(folder.iterdir())
    Reserve(folder / "none" / "fleet").look()
