"""A part of the store in memory."""

import pytest

from fleet_cluster.fleet.coordination.watch_cache import WatchCache
from fleet_cluster.fleet.kv import KVUnavailableError
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.kv import MemoryKV


class Glass:
    """A watch cache of /a/."""

    def __init__(self) -> None:
        self.store = MemoryKV(FakeClock())
        self.line = Connection(self.store)
        self.wakes = 0
        self.cache = WatchCache(self.line, "/a/", self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def values(self) -> dict[str, str]:
        return {key: entry.value for key, entry in self.cache.entries.items()}


@pytest.fixture
def glass() -> Glass:
    return Glass()


def test_reads_then_follows(glass: Glass) -> None:
    glass.store.put("/a/1", "one")
    glass.store.put("/b/1", "not here")
    assert glass.cache.refresh() == {"/a/1"} and glass.cache.fresh
    assert glass.cache.refresh() == set() and not glass.cache.fresh
    glass.store.put("/a/2", "two")
    glass.store.remove("/a/1")
    assert glass.wakes == 2 and glass.values() == {"/a/1": "one"}
    assert glass.cache.refresh() == {"/a/1", "/a/2"}
    assert glass.values() == {"/a/2": "two"} and glass.cache.revision == glass.store.revision


def test_lost_watch_is_read_anew(glass: Glass) -> None:
    glass.store.put("/a/1", "one")
    glass.cache.refresh()
    glass.line.cut()
    glass.store.remove("/a/1")
    glass.store.put("/a/2", "two")
    with pytest.raises(KVUnavailableError):
        glass.cache.refresh()
    assert glass.values() == {"/a/1": "one"}
    glass.line.up = True
    assert glass.cache.refresh() == {"/a/1", "/a/2"} and glass.cache.fresh
    assert glass.values() == {"/a/2": "two"}


def test_nothing_is_missed_between_read_and_watch(glass: Glass) -> None:
    def meanwhile(point: str) -> None:
        if point.startswith("before watch"):
            glass.store.put("/a/1", "one")

    glass.line.gate = meanwhile
    glass.cache.refresh()
    glass.cache.refresh()
    assert glass.values() == {"/a/1": "one"}


def test_settled_when_own_writes_are_seen(glass: Glass) -> None:
    glass.cache.refresh()
    assert glass.cache.settled
    glass.store.put("/a/1", "one")
    glass.cache.expect(glass.store.revision)
    assert not glass.cache.settled
    glass.cache.refresh()
    assert glass.cache.settled


def test_an_older_store_does_not_leave_it_unsettled(glass: Glass) -> None:
    glass.cache.refresh()
    glass.cache.expect(1000)
    glass.store.wipe()
    glass.cache.refresh()
    assert glass.cache.settled


def test_closed_cache_hears_nothing(glass: Glass) -> None:
    glass.cache.refresh()
    glass.cache.close()
    glass.store.put("/a/1", "one")
    assert glass.wakes == 0
