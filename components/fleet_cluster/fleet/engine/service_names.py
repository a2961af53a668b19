"""Names of services as the leader gives and ends them, decided from the cluster's state. Pure.

The leader takes a name away in the transaction that has the unit stopped: no machine learns that
it is to stop one that is still found.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from ..cluster_state.service_names import Name, needed, wanted_names
from ..cluster_state.state import ClusterState
from ..kv import KeyValue
from ..model.keys import INTERNAL
from ..model.records import Assignment, DesiredState

SHUTDOWN_DELAY = 2.0
"""Seconds between the end of a name and the stop of its unit: a resolver may have been told one
second before (`TTL`), and who has asked it connects a moment later."""

NamesByPlace = Mapping[tuple[str, str], Collection[str]]
"""Keys of names by machine and unit."""


class ServiceNames:
    """The names that etcd has, well-formed or not, against those that are to be given."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def note(self, changed: Collection[str], entries: Mapping[str, KeyValue]) -> None:
        """Note which keys of names there are, of those that have changed."""
        for key in changed:
            if key.startswith(INTERNAL):
                (self._keys.add if key in entries else self._keys.discard)(key)

    def missing(self, state: ClusterState) -> list[Name]:
        """The names that etcd lacks, or has otherwise."""
        known = state.names
        return [
            n for n in wanted_names(state) if known.get(n.key.removeprefix(INTERNAL)) != n.record
        ]

    def obsolete(self, state: ClusterState) -> list[str]:
        """The keys of names that are to be given to nobody."""
        if not self._keys:
            return []
        return sorted(self._keys - {one.key for one in wanted_names(state)})


def names_by_place(state: ClusterState) -> NamesByPlace:
    """The keys of what etcd has, by machine and unit."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for key, record in state.names.items():
        found[record.machine, record.unit].append(INTERNAL + key)
    return found


def relied_on(names: NamesByPlace, state: ClusterState) -> set[tuple[str, str]]:
    """The places of units that are found, and of those that they follow there.

    systemd stops a unit with one that it requires: that one too runs on for those who still come.
    """
    found, ahead = set(names), list(names)
    while ahead:
        machine, unit = ahead.pop()
        more = {(machine, other) for other in needed(unit, machine, state)} - found
        found |= more
        ahead += more
    return found


def lets_go(before: Assignment | None, after: Assignment | None) -> bool:
    """Whether a machine that gets another assignment of a unit stops it for that."""
    if after is None or after.desired_state is not DesiredState.LAUNCHED:
        return True
    return before is not None and before.sha != after.sha
