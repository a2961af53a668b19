"""The overview: what the screen shows of the cluster, a row for each machine and unit (pure)."""

from collections import Counter
from dataclasses import dataclass, field

from ...cluster_state.reservations import Reservations
from ...cluster_state.state import ClusterState
from ...model.records import Assignment, DesiredState
from ...scheduler.room import cpus_of
from ...unitfiles.resources import Resources
from ..operations.machines.eligibility import machine_state
from ..state.unit_state import LOST, activity, known_units, machines_of, problem, why_nowhere

Place = tuple[str, str]
"""A unit's name and a machine's id, which is empty for a unit that wants one and has none."""

NOT_ASSIGNED = Assignment("", DesiredState.INACTIVE)


@dataclass(frozen=True)
class MachineRow:
    """A machine that is alive, or that units are on although its lease has ended."""

    id: str
    name: str = ""
    """Its host name; empty where nobody says it."""
    address: str = ""
    state: str = ""
    """Marks, trouble and reboots in words; `LOST`; empty when there is nothing to tell."""
    units: int = 0
    memory: int = 0
    """Bytes that units have reserved; `memory_total`: that it has, 0 where that is not known."""
    memory_total: int = 0
    cpu: int = 0
    """Thousandths of a processor that units have reserved; `cpu_total`: that it has."""
    cpu_total: int = 0
    removed: bool = False
    """It is removed for good: when its lease ends, it is not lost."""

    @property
    def is_lost(self) -> bool:
        """Whether its lease in etcd has ended."""
        return self.state == LOST


@dataclass(frozen=True)
class UnitRow:
    """A unit on a machine, or one that wants a machine and has none."""

    unit: str
    machine: str = ""
    """The id."""
    active: str = ""
    sub: str = ""
    since: float = 0.0
    """When it entered this ACTIVE state: seconds since 1970, by its machine's clock; 0: unknown."""
    sha: str = ""
    """The file that it has there."""
    memory: int = 0
    """Bytes that it reserves; what it uses is known to its machine alone."""
    cpu: int = 0
    """Thousandths of a processor that it reserves."""
    problem: str = ""
    is_home: bool = False
    """Whether it is here; not where it only runs on until it is up elsewhere, or is stopped."""
    everywhere: bool = False
    """Whether it is a Global unit."""
    origin: str = ""
    """The id of the machine from which it was moved here."""
    moved_at: float = 0.0
    """When that was decided: seconds since 1970."""


@dataclass(frozen=True)
class Overview:
    """The rows, by machine's id and by place."""

    machines: dict[str, MachineRow] = field(default_factory=dict[str, MachineRow])
    units: dict[Place, UnitRow] = field(default_factory=dict[Place, UnitRow])

    def name_of(self, machine: str) -> str:
        """What a machine is called: its host name, or the beginning of its id."""
        row = self.machines.get(machine)
        return row.name if row and row.name else machine[:8]


def overview_of(state: ClusterState) -> Overview:
    """What there is to show of a cluster."""
    units = {
        (name, machine): _unit_row(name, machine, state)
        for name in sorted(known_units(state))
        for machine in machines_of(name, state)
    }
    counts = Counter(machine for _, machine in units)
    reserved = Reservations(state)
    alive = {
        id: _machine_row(id, state, counts[id], reserved.on(id)) for id in sorted(state.machines)
    }
    lost = sorted({machine for (_, machine), row in units.items() if row.active == LOST})
    gone = {id: MachineRow(id, state=LOST, units=counts[id]) for id in lost}
    return Overview({**alive, **gone}, units)


def _machine_row(id: str, state: ClusterState, units: int, reserved: Resources) -> MachineRow:
    machine, marks = state.machines[id], state.eligibility.get(id)
    return MachineRow(
        id,
        machine.hostname,
        machine.address,
        machine_state(id, state),
        units,
        reserved.bytes_of(machine.memory),
        machine.memory,
        reserved.cpu,
        cpus_of(machine),
        marks is not None and marks.removed,
    )


def _unit_row(name: str, machine: str, state: ClusterState) -> UnitRow:
    report, unit = state.reported(name).get(machine), state.units.get(name)
    asked, on = state.wanted.get(name), state.machines.get(machine)
    resources = asked.resources if asked else Resources()
    assignment = state.assignments(name).get(machine) or NOT_ASSIGNED
    everywhere = state.is_global(name)
    return UnitRow(
        name,
        machine,
        *activity(name, machine, state),
        report.since if report else 0.0,
        report.sha if report else unit.sha if unit else "",
        resources.bytes_of(on.memory if on else 0),
        resources.cpu,
        problem(report) if report else "" if machine else why_nowhere(name, state),
        bool(machine) and (everywhere or state.current(name) == machine),
        everywhere,
        assignment.origin,
        assignment.decided_at if assignment.origin else 0.0,
    )
