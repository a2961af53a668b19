"""Names of services: which units are to be found by which name, and where. Pure.

A unit with `Name=` is found on a machine while it is to run there and systemd reports it up.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..model.keys import machine_key, name_key, schedule_key, state_key
from ..model.records import Assignment, DesiredState
from ..model.service_records import ServiceRecord
from ..service_name import ServiceName, instance_label
from ..unitfiles.names import UnitFileError
from ..unitfiles.requirements import Requirements
from .placement import SERVING
from .state import ClusterState
from .unit_files import parse_once


@dataclass(frozen=True)
class Name:
    """A name that is to be given: the key and its record."""

    key: str
    record: ServiceRecord

    @property
    def because_of(self) -> tuple[str, ...]:
        """The keys whose records say that it is to be given."""
        machine, unit = self.record.machine, self.record.unit
        return state_key(machine, unit), schedule_key(machine, unit), machine_key(machine)


def wanted_names(state: ClusterState) -> Iterator[Name]:
    """The names that are to be given now.

    Whoever has one keeps it until its machine is told otherwise, whatever the unit is to be by now.
    """
    for unit in {**dict.fromkeys(state.named()), **dict.fromkeys(_found(state))}:
        for machine, assignment in state.assigned(unit).items():
            service = service_of(unit, assignment, state)
            if service and is_up(unit, machine, assignment, state):
                host = state.machines[machine].address
                record = ServiceRecord(host, unit, machine, service.port)
                yield Name(name_key(service.name, instance_label(unit, machine)), record)


def _found(state: ClusterState) -> Iterator[str]:
    return (record.unit for record in state.names.values())


def is_up(unit: str, machine: str, assignment: Assignment, state: ClusterState) -> bool:
    """Whether a unit is up on a machine as it is assigned there."""
    report = state.reports(unit).get(machine)
    is_to_be_up = assignment.desired_state is DesiredState.LAUNCHED and not assignment.completed
    is_here = report is not None and report.active in SERVING and report.sha == assignment.sha
    return is_to_be_up and is_here and bool(state.machines[machine].address)


def service_of(unit: str, assignment: Assignment, state: ClusterState) -> ServiceName | None:
    """The name of a unit, by the file of its machine: a Global unit that is rolled has two."""
    asked = _asked(unit, assignment, state)
    return asked.service if asked else None


def needed(unit: str, machine: str, state: ClusterState) -> tuple[str, ...]:
    """The units that a unit follows on a machine, by its file there."""
    assignment = state.assignments(unit).get(machine)
    asked = _asked(unit, assignment, state) if assignment else None
    return asked.machine_of if asked else ()


def _asked(unit: str, assignment: Assignment, state: ClusterState) -> Requirements | None:
    text = state.files.get(assignment.sha)
    try:
        return parse_once(unit, text).requirements if text is not None else None
    except UnitFileError:
        return None  # Told where the file is read.
