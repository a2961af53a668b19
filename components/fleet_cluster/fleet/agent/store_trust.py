"""Trust in the store: what is followed when it was emptied or restored, or lost assignments.

A unit is stopped only on an instruction: an assignment that says so. Silence tells nothing: a unit
without an assignment is an *orphan*, it stays as it is. When assignments vanish or go back in time,
when the store has another id or a lower revision than before, then it was emptied or restored, and
for a while only what confirms the units as they run is followed: the leader needs the time to see
what runs where.
"""

import logging
from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from ..journal_log import about
from ..kv import KeyValue
from ..model.record import BadRecordError
from ..model.records import Cluster, DesiredState
from .assignments import Assigned, log_action
from .checkpoint import Checkpoint, LocalUnit, Progress

log = logging.getLogger(__name__)


class StoreTrust:
    """Trust in one store, by what the checkpoint says of it."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        connected_for: Callable[[], float],
        patience: float,
        on_identity_changed: Callable[[], None],
    ) -> None:
        """`on_identity_changed` is called when the store turns out to be emptied or restored.

        From then on nothing new is followed until `connected_for`, the time for which the store
        has been connected since, has reached `patience` seconds.
        """
        self._checkpoint = checkpoint
        self._connected_for = connected_for
        self._patience = patience
        self._on_identity_changed = on_identity_changed

    def check_identity(self, cluster: KeyValue | None, revision: int, fresh: bool) -> bool:
        """Compare the store's id and revision with those that were seen before.

        Args:
            cluster: the entry of the cluster's id.
            revision: a revision that was seen.
            fresh: it was the newest one when it was seen, so that it cannot be a lower one
                than was seen before, unless the store went back in time.

        Returns:
            Whether it went back in time and has its id still: it was restored.
        """
        known, id = self._checkpoint, _cluster_id(cluster)
        went_back = fresh and revision < known.revision
        restored = id == known.cluster != "" and went_back
        if known.cluster and id != known.cluster:
            self._distrust(f"the store's cluster id was {known.cluster} and is {id or 'missing'}")
        elif went_back:
            self._distrust(f"the store is at revision {revision}, {known.revision} was seen before")
        else:
            revision = max(revision, known.revision)
        known.follow(id, revision)
        return restored

    def follow(
        self, assignments: Mapping[str, Assigned], unreadable: Set[str]
    ) -> Mapping[str, Assigned]:
        """Those assignments that are followed now; the checkpoint notes which they are."""
        self._look_for_lost(assignments, assignments.keys() | unreadable)
        if self._checkpoint.distrusts and self._connected_for() >= self._patience:
            self._checkpoint.trust()
        if self._checkpoint.distrusts:
            assignments = {n: one for n, one in assignments.items() if self._confirms(n, one)}
        self._note_followed(assignments)
        return assignments

    def distrusts_for(self) -> float:
        """For how many seconds the store is not trusted yet; 0 when it is."""
        if not self._checkpoint.distrusts:
            return 0.0
        return max(0.0, self._patience - self._connected_for())

    def _look_for_lost(self, assignments: Mapping[str, Assigned], present: Set[str]) -> None:
        """Look whether assignments vanished or went back in time: the leader never does that."""
        units = self._checkpoint.units
        vanished = [name for name in units if units[name].revision and name not in present]
        older = [
            name
            for name in units
            if name in assignments and assignments[name].revision < units[name].revision
        ]
        if vanished or older:
            names = ", ".join(sorted(vanished + older))
            self._distrust(f"assignments vanished or are older than before: {names}")

    def _distrust(self, reason: str) -> None:
        orphans = len(self._checkpoint.units)
        log.warning("leaving %d orphans as they are: %s", orphans, reason, extra=about("hold"))
        # In this order: a fleetd that is killed in between finds it out again.
        self._on_identity_changed()
        self._checkpoint.distrust()

    def _confirms(self, name: str, assigned: Assigned) -> bool:
        """Whether an assignment says what is so already, or is newer than the trouble."""
        unit = self._checkpoint.units.get(name)
        if unit is None or unit.revision > 0:
            return unit is not None
        assignment, is_up = assigned.assignment, unit.progress is Progress.STARTED
        same = (assignment.sha, assignment.desired_state) == (unit.sha, DesiredState.LAUNCHED)
        return is_up and same

    def _note_followed(self, assignments: Mapping[str, Assigned]) -> None:
        followed: dict[str, LocalUnit] = {}
        for name, unit in self._checkpoint.units.items():
            if name in assignments and assignments[name].revision != unit.revision:
                followed[name] = replace(unit, revision=assignments[name].revision)
                if not unit.revision and assignments[name].is_here:
                    log_action("adopt", "adopting", name, assignments[name])
        self._checkpoint.note(followed)


def _cluster_id(entry: KeyValue | None) -> str:
    try:
        return Cluster.from_json(entry.value).id if entry else ""
    except BadRecordError as error:
        return f"unreadable: {error}"
