"""`fleetctl list-machines`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from ....cluster_state.reservations import Reservations
from ....cluster_state.state import ClusterState
from ....model.records import MachineState
from ....unitfiles.resources import CPU, Resources, memory_text
from ...cli import table
from ...cli.errors import Exit
from ...cli.names import short
from ...cli.output import tell
from ...operations.context import Context
from ...operations.machines.eligibility import machine_state
from ...operations.machines.reboot import describe, how_to_go_on
from ...state.watcher import read_state
from ..command import Command

T = TypeVar("T")

FIELDS = (
    "machine",
    "ip",
    "metadata",
    "hostname",
    "version",
    "os",
    "etcd",
    "state",
    "certificate",
    "memory",
    "cpus",
)
SHOWN = FIELDS[:3]
IN_FULL = ("version", "os", "etcd", "memory", "cpus")
DUPLICATE = "duplicate-id"
"""The state of a machine whose id another one is announced with: it runs nothing new."""
TOLD = ("state", "certificate")
"""Shown as well where there is something to tell."""


def machine_rows(view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each machine that is alive, and for each whose id another one has."""
    reserved = Reservations(view)
    alive = [
        {**_row(one, machine_state(id, view), full), **_usage(one, reserved.on(id))}
        for id, one in _sorted(view.machines)
    ]
    duplicates = [one for _, machines in _sorted(view.duplicates) for one in machines.values()]
    return alive + [_row(one, DUPLICATE, full) for one in duplicates]


def _row(machine: MachineState, state: str, full: bool) -> table.Row:
    return {
        "machine": short(machine.id, full),
        "ip": machine.address,
        "metadata": ",".join(f"{key}={value}" for key, value in _sorted(machine.metadata)),
        "hostname": machine.hostname,
        "version": machine.version,
        "os": machine.os,
        "etcd": machine.etcd,
        "state": state,
        "certificate": _certificate_word(machine.certificate_ends),
        "memory": None,
        "cpus": None,
    }


def _usage(machine: MachineState, reserved: Resources) -> table.Row:
    """What units have reserved, and all that there is; nothing where that is not told."""
    memory, cpus = reserved.bytes_of(machine.memory), reserved.cpu / CPU
    return {
        "memory": {"reserved": memory, "total": machine.memory} if machine.memory else None,
        "cpus": {"reserved": cpus, "total": machine.cpus} if machine.cpus else None,
    }


def _for_people(row: table.Row) -> table.Row:
    words = {"memory": memory_text, "cpus": "{:g}".format}
    return {
        field: "/".join(map(words[field], value.values())) if field in words and value else value
        for field, value in row.items()
    }


def _certificate_word(ends: float) -> str:
    """Until when the first of a machine's certificates is valid, if that is soon."""
    if not ends:
        return ""
    return f"until {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC"


def _sorted(by_name: Mapping[str, T]) -> list[tuple[str, T]]:
    return sorted(by_name.items(), key=lambda item: item[0])


def _configure(parser: ArgumentParser) -> None:
    table.add_options(parser, FIELDS, SHOWN, "hostname")


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    rows = machine_rows(view, arguments.full or table.is_data(arguments))
    # fleet 1.0's columns, unless more is asked for, or there is something to tell.
    if arguments.fields == ",".join(SHOWN):
        asked = IN_FULL if arguments.full else ()
        told = [field for field in TOLD if any(row[field] for row in rows)]
        arguments.fields = ",".join([*SHOWN, *asked, *told])
    if not table.is_data(arguments):
        rows = [_for_people(row) for row in rows]
    print(table.render(rows, arguments, FIELDS), end="")
    if (lock := view.reboot_lock) and lock.failure:
        tell(f"No machine reboots: {describe(lock, view)}. {how_to_go_on(lock, view)}")
    return Exit.DONE


COMMAND = Command(
    name="list-machines",
    summary="the machines of the cluster",
    help=(
        "List the machines that are alive: their lease in etcd has not ended. With --full also the "
        "versions: of fleetd, the operating system, and etcd, where a member of it runs; and how "
        "much of the memory and the CPUs is reserved by units, of how much."
    ),
    example="""
  $ fleetctl list-machines
  MACHINE         IP              METADATA
  3f2a91bc...     172.18.0.11     role=web,zone=a
  9d04e6a1...     172.18.0.12     -
""",
    configure=_configure,
    run=_run,
)
