"""The history: the overview as it is now, what has happened, and how often units started again."""

from collections import Counter, deque
from collections.abc import Mapping

from .changes import Change, apply
from .events import Event, Kind, events, recent, restarts
from .overview import Overview, Place

KEEP_SECONDS = 15 * 60.0
"""So long, events are shown."""
MOST_EVENTS = 500
LEASES_SECONDS = 15.0
"""So long after it was told, the age of a lease is shown: three times as long as between two."""


class History:
    """History of a cluster from changes, in the order in which they come. Pure: no clock."""

    def __init__(self) -> None:
        self.overview = Overview()
        self.restarts = Counter[Place]()
        """Of each unit, as far as they were seen."""
        self.lost_since: dict[str, float] = {}
        """When the lease of a machine that is lost was seen to have ended."""
        self.lost = False
        """Whether etcd did not answer when last heard."""
        self.is_known = False
        """Whether anything was heard yet."""
        self._events = deque[Event](maxlen=MOST_EVENTS)
        self._leases: Mapping[str, int] = {}
        self._leases_at = 0.0

    def take_in(self, one: Change) -> list[Event]:
        """Take in a change: what has happened. What is whole is compared with what was known."""
        if one.leases:
            self._leases, self._leases_at = one.leases, one.at
        now = apply(self.overview, one)
        if self.is_known:
            happened = events(self.overview, now, one.at)
            self.restarts.update(restarts(self.overview, now))
            self.lost_since = self._lost_since(now, one.at)
        else:
            happened = recent(now, one.at - KEEP_SECONDS)
        self._events.extend(happened)
        self.overview, self.lost, self.is_known = now, one.lost, True
        return happened

    def _lost_since(self, now: Overview, at: float) -> dict[str, float]:
        found = dict[str, float]()
        for id, row in now.machines.items():
            before = self.overview.machines.get(id)
            if row.is_lost and before and not before.is_lost:
                found[id] = at
            elif row.is_lost and id in self.lost_since:
                found[id] = self.lost_since[id]
        return found

    def lease_age(self, machine: str, now: float) -> int | None:
        """How many seconds ago its lease was renewed, when that was told last.

        None where nobody says it: a machine that is lost, a fleetctl of the version before.
        """
        is_new = now - self._leases_at < LEASES_SECONDS
        return self._leases.get(machine) if is_new and not self.lost else None

    def note(self, text: str, at: float) -> Event:
        """Note what was said on the way here, and when."""
        said = Event(at, Kind.NOTE, text)
        self._events.append(said)
        return said

    def events(self, now: float) -> list[Event]:
        """What has happened in the last minutes, the newest first."""
        kept = (one for one in reversed(self._events) if one.at >= now - KEEP_SECONDS)
        return sorted(kept, key=lambda event: -event.at)
