"""`fleetctl list-machines`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime

from ....cluster_state.state import ClusterState
from ...cli import table
from ...cli.errors import Exit
from ...cli.names import short
from ...operations.context import Context
from ...operations.eligibility import machine_state
from ...state.watcher import read_state
from ..command import Command

FIELDS = ("machine", "ip", "metadata", "hostname", "version", "state", "certificate")
SHOWN = FIELDS[:3]
TOLD = ("state", "certificate")
"""Shown as well where there is something to tell."""


def machine_rows(view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each machine that is alive."""
    return [
        {
            "machine": short(machine.id, full),
            "ip": machine.address,
            "metadata": ",".join(f"{key}={value}" for key, value in _sorted(machine.metadata)),
            "hostname": machine.hostname,
            "version": machine.version,
            "state": machine_state(machine.id, view),
            "certificate": _certificate_word(machine.certificate_ends),
        }
        for _, machine in sorted(view.machines.items())
    ]


def _certificate_word(ends: float) -> str:
    """Until when the first of a machine's certificates is valid, if that is soon."""
    if not ends:
        return ""
    return f"until {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC"


def _sorted(metadata: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(metadata.items())


def _configure(parser: ArgumentParser) -> None:
    table.add_options(parser, FIELDS, SHOWN)


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    rows = machine_rows(view, arguments.full or arguments.output == "json")
    # fleet 1.0's columns, unless there is something to tell.
    if arguments.fields == ",".join(SHOWN):
        told = [field for field in TOLD if any(row[field] for row in rows)]
        arguments.fields = ",".join([*SHOWN, *told])
    print(table.render(rows, arguments, FIELDS), end="")
    return Exit.DONE


COMMAND = Command(
    name="list-machines",
    summary="the machines of the cluster",
    help="List the machines that are alive: their lease in etcd has not ended.",
    example="""
  $ fleetctl list-machines
  MACHINE         IP              METADATA
  3f2a91bc...     172.18.0.11     role=web,zone=a
  9d04e6a1...     172.18.0.12     -
""",
    configure=_configure,
    run=_run,
)
