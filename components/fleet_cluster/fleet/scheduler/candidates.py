"""The machines that a unit could be on, whatever else runs there: by their id and metadata."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Hashable
from functools import cached_property

from .feasibility import LASTING_RULES, objection
from .relations import Job
from .state import Node, SchedulerState


class Candidates:
    """The sites that fulfil the lasting requirements which some units have in common."""

    def __init__(self, board: SchedulerState, job: Job, sites: list[Node]) -> None:
        self.sites = sites
        """In the order of their ids."""
        self._ids = {site.id for site in sites if not site.mark}
        self._board = board
        self._job = job
        # A marked machine gets no new units; those that it has are kept without this.
        self._heap = [(site.load, site.id) for site in sites if not site.mark]
        heapq.heapify(self._heap)
        self._seen = len(board.left)

    @cached_property
    def refusals(self) -> dict[str, str]:
        """Why each of the other sites can never get these units."""
        reasons = {
            site.id: objection(self._board, self._job, site, LASTING_RULES)
            for site in self._board.sites.values()
        }
        return {machine: reason for machine, reason in reasons.items() if reason}

    def least_loaded(self, accepts: Callable[[Node], bool]) -> Node | None:
        """The site with the fewest units among those accepted; of equals, that of lowest id."""
        self._renew()
        passed: list[tuple[int, str]] = []
        found = None
        while self._heap and not found:
            load, machine = self._heap[0]
            site = self._board.sites[machine]
            if load != site.load:
                heapq.heapreplace(self._heap, (site.load, machine))
            else:
                passed.append(heapq.heappop(self._heap))
                found = site if accepts(site) else None
        for entry in passed:
            heapq.heappush(self._heap, entry)
        return found

    def _renew(self) -> None:
        """Loads that have grown are put right when they come up; those that have shrunk, here."""
        for site in self._board.left[self._seen :]:
            if site.id in self._ids:
                heapq.heappush(self._heap, (site.load, site.id))
        self._seen = len(self._board.left)


class CandidateIndex:
    """Finds the candidates of a unit without asking each machine."""

    def __init__(self, board: SchedulerState) -> None:
        self._board = board
        self._known: dict[Hashable, Candidates] = {}
        self._having: dict[tuple[str, str], set[str]] = defaultdict(set)
        for site in board.sites.values():
            for pair in site.machine.metadata.items():
                self._having[pair].add(site.id)

    def of(self, job: Job) -> Candidates:
        """The candidates for this unit: one object for all with the same lasting requirements."""
        wanted = job.requirements
        key = (wanted.machine_id, frozenset(wanted.machine_metadata.items()))
        if key not in self._known:
            self._known[key] = Candidates(self._board, job, self._matching(job))
        return self._known[key]

    def _matching(self, job: Job) -> list[Node]:
        wanted = job.requirements
        machines = set(self._board.sites)
        if wanted.machine_id is not None:
            machines &= {wanted.machine_id}
        for key, values in wanted.machine_metadata.items():
            machines &= set[str]().union(*(self._having[key, value] for value in values))
        return [self._board.sites[machine] for machine in sorted(machines)]
