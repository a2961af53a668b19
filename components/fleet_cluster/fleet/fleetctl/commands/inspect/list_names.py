"""`fleetctl list-names`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from ....cluster_state.service_names import is_up, service_of
from ....cluster_state.state import ClusterState
from ....model.keys import INTERNAL, name_key
from ....model.records import Assignment
from ....service_name import ServiceName, instance_label
from ...cli import table
from ...cli.errors import Exit
from ...cli.names import legend, listed
from ...cli.output import tell
from ...operations.context import Context
from ...state.watcher import read_state
from ..command import Command

FIELDS = ("name", "unit", "machine", "address", "port", "found")


def name_rows(units: list[str], view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each machine that is to run a unit with a name, by the name."""
    rows = [
        _row(unit, machine, assignment, service, view, full)
        for unit in units
        for machine, assignment, service in _places(unit, view)
    ]
    return sorted(rows, key=lambda row: (str(row["name"]), str(row["unit"]), str(row["machine"])))


def _places(unit: str, view: ClusterState) -> Iterator[tuple[str, Assignment, ServiceName]]:
    for machine, assignment in view.assigned(unit).items():
        if service := service_of(unit, assignment, view):
            yield machine, assignment, service


def _row(
    unit: str,
    machine: str,
    assignment: Assignment,
    service: ServiceName,
    view: ClusterState,
    full: bool,
) -> table.Row:
    key = name_key(service.name, instance_label(unit, machine)).removeprefix(INTERNAL)
    record = view.names.get(key)
    return {
        "name": service.name,
        "unit": unit,
        "machine": legend(machine, view.machines, full),
        "address": record.host if record else None,
        "port": service.port or None,
        "found": "yes" if record else _why_not(unit, machine, assignment, view),
    }


def _why_not(unit: str, machine: str, assignment: Assignment, view: ClusterState) -> str:
    if machine not in view.machines:
        return "no: its machine is lost"
    if is_up(unit, machine, assignment, view):
        return "no: it is up, and fleet's leader has not written it yet"
    report = view.reports(unit).get(machine)
    return f"no: it is {report.active}" if report else "no: it is not there yet"


def _configure(parser: ArgumentParser) -> None:
    table.add_units(parser)
    table.add_options(parser, FIELDS, FIELDS, "name")


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    units = listed(arguments.units, view.runnable())
    rows = name_rows(units, view, arguments.full or table.is_data(arguments))
    print(table.render(rows, arguments, FIELDS), end="", flush=True)
    if not rows and not arguments.no_legend:
        tell("No unit that is to run has a Name= in [X-Fleet].")
    return Exit.DONE


COMMAND = Command(
    name="list-names",
    summary="the names that units are found by, and where",
    help="""\
List the units with Name= in [X-Fleet], or those of them that are named here: NAME is the first part
of NAME.fleet.internal, which every machine and its containers resolve, ADDRESS what they are told,
by A and with PORT by SRV. A unit is found while systemd says that it is up; FOUND says why one is
not.""",
    example="""
  $ fleetctl list-names
  NAME    UNIT                    MACHINE                         ADDRESS         PORT    FOUND
  web     web@5000.service        3f2a91bc.../172.18.0.11         172.18.0.11     5000    yes
""",
    configure=_configure,
    run=_run,
)
