"""A part of the store in memory."""

import pytest

from fleet_cluster.fleet.coordination.watch_cache import WatchCache
from fleet_cluster.fleet.kv import KVUnavailableError
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV


class Glass:
    """A mirror of /a/."""

    def __init__(self) -> None:
        self.store = MemoryKV(FakeClock())
        self.line = Connection(self.store)
        self.wakes = 0
        self.mirror = WatchCache(self.line, "/a/", self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def values(self) -> dict[str, str]:
        return {key: entry.value for key, entry in self.mirror.entries.items()}


@pytest.fixture
def glass() -> Glass:
    return Glass()


def test_reads_then_follows(glass: Glass) -> None:
    glass.store.put("/a/1", "one")
    glass.store.put("/b/1", "not here")
    assert glass.mirror.refresh() == {"/a/1"} and glass.mirror.fresh
    assert glass.mirror.refresh() == set() and not glass.mirror.fresh
    glass.store.put("/a/2", "two")
    glass.store.remove("/a/1")
    assert glass.wakes == 2 and glass.values() == {"/a/1": "one"}
    assert glass.mirror.refresh() == {"/a/1", "/a/2"}
    assert glass.values() == {"/a/2": "two"} and glass.mirror.revision == glass.store.revision


def test_lost_watch_is_read_anew(glass: Glass) -> None:
    glass.store.put("/a/1", "one")
    glass.mirror.refresh()
    glass.line.cut()
    glass.store.remove("/a/1")
    glass.store.put("/a/2", "two")
    with pytest.raises(KVUnavailableError):
        glass.mirror.refresh()
    assert glass.values() == {"/a/1": "one"}
    glass.line.up = True
    assert glass.mirror.refresh() == {"/a/1", "/a/2"} and glass.mirror.fresh
    assert glass.values() == {"/a/2": "two"}


def test_nothing_is_missed_between_read_and_watch(glass: Glass) -> None:
    def meanwhile(point: str) -> None:
        if point.startswith("before watch"):
            glass.store.put("/a/1", "one")

    glass.line.gate = meanwhile
    glass.mirror.refresh()
    glass.mirror.refresh()
    assert glass.values() == {"/a/1": "one"}


def test_settled_when_own_writes_are_seen(glass: Glass) -> None:
    glass.mirror.refresh()
    assert glass.mirror.settled
    glass.store.put("/a/1", "one")
    glass.mirror.expect(glass.store.revision)
    assert not glass.mirror.settled
    glass.mirror.refresh()
    assert glass.mirror.settled


def test_an_older_store_does_not_leave_it_unsettled(glass: Glass) -> None:
    glass.mirror.refresh()
    glass.mirror.expect(1000)
    glass.store.wipe()
    glass.mirror.refresh()
    assert glass.mirror.settled


def test_closed_mirror_hears_nothing(glass: Glass) -> None:
    glass.mirror.refresh()
    glass.mirror.close()
    glass.store.put("/a/1", "one")
    assert glass.wakes == 0
