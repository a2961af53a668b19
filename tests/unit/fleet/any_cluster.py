"""Any cluster, for property tests; and the rules of the schedule told a second time, plainly."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from hypothesis import strategies as st

from fleet_cluster.fleet.model.records import MachineState
from fleet_cluster.fleet.scheduler.schedule import Job, Plan
from fleet_cluster.fleet.unitfiles.resources import CPU, WHOLE, Resources
from fleet_cluster.fleet.unitfiles.unitfile import Requirements
from tests.unit.fleet.clusters import machine


@dataclass(frozen=True)
class Cluster:
    """An input of `schedule()`."""

    jobs: list[Job]
    machines: list[MachineState]
    current: dict[str, str] = field(default_factory=dict[str, str])


NAMES = [f"{prefix}{number}.service" for prefix in ("a", "b", "w@") for number in range(4)]
ROLES = ["web", "db"]
PATTERNS = [*NAMES[::2], "w@*.service", "a*", "?1.service", "*[12].service", "*"]
MEMORY, CPUS = (0, 4, 6, 8, 2), (0.0, 2.0, 1.0, 0.0, 0.5)
"""What the machines tell of themselves; 0: nothing."""
MACHINES = [
    replace(
        machine(n, **({"role": ROLES[n % 3]} if n % 3 < 2 else {})),
        memory=MEMORY[n - 1],
        cpus=CPUS[n - 1],
    )
    for n in range(1, 6)
]
IDS = [one.id for one in MACHINES]

_some_patterns = st.lists(st.sampled_from(PATTERNS), max_size=2, unique=True).map(tuple)
_some_units = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
_resources = st.one_of(
    st.just(Resources()),
    st.builds(
        Resources,
        memory=st.integers(0, 5),
        share=st.sampled_from([0, 0, WHOLE // 2]),
        cpu=st.sampled_from([0, CPU // 2, CPU]),
    ),
)
_metadata = st.one_of(
    st.just(dict[str, frozenset[str]]()),
    st.sets(st.sampled_from([*ROLES, "none"]), min_size=1).map(lambda v: {"role": frozenset(v)}),
)


@st.composite
def requirements(draw: st.DrawFn, *, can_replace: bool) -> Requirements:
    """Any requirements, most of them few; also combinations that unit files cannot have."""
    kind = draw(
        st.sampled_from(["free", "free", "follow", "conflict", "mixed", "pinned", "global"])
    )
    wants = {
        "free": set[str](),
        "follow": {"peers"},
        "conflict": {"conflicts", "replaces"},
        "mixed": {"peers", "metadata", "conflicts", "replaces"},
        "pinned": {"id"},
        "global": {"metadata", "conflicts"},
    }[kind]
    return Requirements(
        machine_id=draw(st.sampled_from(IDS)) if "id" in wants else None,
        machine_of=draw(_some_units) if "peers" in wants else (),
        machine_metadata=draw(_metadata) if "metadata" in wants else {},
        conflicts=draw(_some_patterns) if "conflicts" in wants else (),
        replaces=draw(_some_patterns) if can_replace and "replaces" in wants else (),
        is_global=kind == "global",
        soft_conflicts=draw(_some_patterns) if "conflicts" in wants else (),
        resources=draw(_resources),
    )


@st.composite
def clusters(
    draw: st.DrawFn, *, can_replace: bool = True, units: int = 0, alive: int = 0
) -> Cluster:
    """Up to 12 units with any relations on up to 5 machines, some placed, perhaps wrongly.

    At least `units` units, and `alive` machines.
    """
    names = draw(st.lists(st.sampled_from(NAMES), min_size=units, unique=True))
    most = draw(st.sampled_from([0, 0, 1, 2]))  # A template has one file.
    drawn = {name: draw(requirements(can_replace=can_replace)) for name in names}
    jobs = [
        Job(name, replace(wanted, max_per_machine=most if "@" in name else 0))
        for name, wanted in drawn.items()
    ]
    one_of = st.sampled_from(MACHINES)
    machines = draw(st.lists(one_of, min_size=alive, unique_by=lambda one: one.id))
    current = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(IDS)))
    return Cluster(jobs, machines, current)


class Judge:
    """Says what a unit could have against a machine, given where all others are."""

    def __init__(
        self, cluster: Cluster, plan: Plan, before: Mapping[str, str] | None = None
    ) -> None:
        """`before`: where the units were, if not where the cluster has them."""
        self._before = cluster.current if before is None else before
        self.jobs = {job.name: job.requirements for job in cluster.jobs}
        self.machines = {machine.id: machine for machine in cluster.machines}
        self.on: Mapping[str, set[str]] = {id: set() for id in self.machines}
        for name, id in plan.placements.items():
            self.on[id].add(name)
        for name, ids in plan.global_placements.items():
            for id in ids:
                self.on[id].add(name)

    def objects(self, name: str, id: str) -> bool:
        """Whether the unit must not be on this machine."""
        wanted = self.jobs[name]
        metadata = self.machines[id].metadata
        others = self.on[id] - {name}
        return (
            wanted.machine_id not in (None, id)
            or any(metadata.get(key) not in some for key, some in wanted.machine_metadata.items())
            or any(not self._goes_with(name, peer, id) for peer in wanted.machine_of)
            or any(self.conflict(name, other) for other in others)
            or any(self.replaces(other, name) for other in others)
            or self.lacks_room(name, id)
            or self.exceeds(name, id)
        )

    def exceeds(self, name: str, id: str) -> bool:
        """Whether the machine has as many instances of the unit's template as may be."""
        wanted, (template, at, _) = self.jobs[name], name.partition("@")
        if not at or wanted.is_global or not wanted.max_per_machine:
            return False
        like = [o for o in self.on[id] - {name} if o.startswith(f"{template}@")]
        return len([o for o in like if not self.jobs[o].is_global]) >= wanted.max_per_machine

    def lacks_room(self, name: str, id: str) -> bool:
        """Whether the machine does not have what a unit wants that was not there before."""
        wanted, has = self.jobs[name].resources, self.machines[id]
        if not self.jobs[name].is_global and self._before.get(name) == id:
            return False
        beside = [o for o in self.on[id] - {name} if not self.replaces(name, o)]
        reserved = [self.jobs[other].resources for other in [name, *beside]]
        memory = sum(one.memory for one in reserved)
        memory += has.memory * sum(one.share for one in reserved) // WHOLE
        cpus = sum(one.cpu for one in reserved) / CPU
        return bool(
            (has.memory and (wanted.memory or wanted.share) and memory > has.memory)
            or (has.cpus and wanted.cpu and cpus > has.cpus)
        )

    def conflict(self, one: str, other: str) -> bool:
        """Whether one of the two names the other in `Conflicts`."""
        return fits(self.jobs[one].conflicts, other) or fits(self.jobs[other].conflicts, one)

    def replaces(self, one: str, other: str) -> bool:
        """Whether `one` drives `other` away, and can never be driven away because of it."""
        return (
            one != other
            and fits(self.jobs[one].replaces, other)
            and one not in self._moved_by(other)
        )

    def _goes_with(self, name: str, peer: str, id: str) -> bool:
        """Whether the peer is there; a Global peer may also be able to come along."""
        if peer in self.on[id]:
            return True
        if peer not in self.jobs or not self.jobs[peer].is_global or self.objects(peer, id):
            return False
        company = {name, *self.jobs[name].machine_of} & self.jobs.keys() - {peer}
        return not any(
            self.conflict(peer, one) or self.replaces(peer, one) or self.replaces(one, peer)
            for one in company
        )

    def _moved_by(self, name: str) -> set[str]:
        """The units that may have to move when this one does."""
        found: set[str] = set()
        pending = [name]
        while pending:
            mover = pending.pop()
            for other, wanted in self.jobs.items():
                follows = mover in wanted.machine_of
                if other not in found and (follows or fits(self.jobs[mover].replaces, other)):
                    found.add(other)
                    pending.append(other)
        return found


def fits(patterns: Iterable[str], name: str) -> bool:
    """Whether the name fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
