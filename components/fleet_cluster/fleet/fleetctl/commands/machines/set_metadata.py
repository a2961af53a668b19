"""`fleetctl set-metadata`."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping

from ....cluster_state.state import ClusterState
from ....model.keys import metadata_key
from ....model.records import Metadata
from ...cli.errors import UsageError
from ...cli.names import MACHINE_HELP, legend
from ...cli.wait_options import add_timeout, timeout_of
from ...operations.context import Context
from ...operations.machines.eligibility import find_machine
from ...operations.report import report
from ...state.transaction import Transaction, transact
from ...state.watcher import Watcher
from ...wait.outcome import Outcome, Reached, WaitCondition, Waiting
from ...wait.wait import Wait
from ..command import Command

PAIR = re.compile(r"([A-Za-z0-9_.-]+)=([^\s,=]*)")


def pairs_of(given: Iterable[str]) -> dict[str, str]:
    """The pairs of `KEY=VALUE` arguments; an empty value takes the key away.

    Raises:
        UsageError: an argument is none.
    """
    found = {argument: PAIR.fullmatch(argument) for argument in given}
    for argument, match in found.items():
        if not match:
            raise UsageError(
                f"{argument!r} is no metadata; write KEY=VALUE, such as role=web, or KEY= to take "
                "the key away; no spaces, commas or further equals signs"
            )
    return {match[1]: match[2] for match in found.values() if match}


def set_before(machine: str, view: ClusterState) -> Metadata:
    """Metadata that was set until now."""
    entry = view.entries.get(metadata_key(machine))
    return Metadata.from_json(entry.value) if entry else Metadata()


def has(machine: str, metadata: Metadata) -> WaitCondition:
    """Wait condition: the machine announces what was set; a lost one will when it is back."""

    def condition(view: ClusterState) -> Outcome:
        where = legend(machine, view.machines)
        known = view.machines.get(machine)
        if known is None:
            return Reached(f"{where} is away; it has that metadata when it is back")
        if metadata.over(known.metadata) != known.metadata:
            return Waiting(f"fleetd on {where} has not taken it over yet")
        return Reached(f"{where} has {_in_words(known.metadata)}")

    return condition


def _in_words(metadata: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(metadata.items())) or "no metadata"


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("machine", metavar="MACHINE", help=MACHINE_HELP)
    parser.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help="KEY= takes the key away")
    add_timeout(parser, "wait at most so long, then exit 3")


def _run(context: Context, arguments: Namespace) -> int:
    given = pairs_of(arguments.pairs)
    with Watcher(context.connect()) as watcher:
        machine = find_machine(arguments.machine, watcher.state)

        def decide(view: ClusterState) -> Transaction:
            wanted = Metadata({**set_before(machine, view).pairs, **given})
            return Transaction(records={metadata_key(machine): wanted})

        transact(watcher, decide)
        condition = has(machine, Metadata(given))
        wait = Wait(watcher, {arguments.machine: condition}, timeout_of(arguments))
        return report(context, watcher, wait.run)


COMMAND = Command(
    name="set-metadata",
    summary="change a machine's metadata while it runs",
    help="""\
Give a machine metadata, over what it is configured with, and wait until the cluster knows. Units
whose MachineMetadata= it does not fulfil any more move away; units that fitted nowhere may come.
No other unit notices. What was set stays when the machine boots anew. It is kept in etcd: what is
to outlast that too belongs into the configuration (machine-metadata of the Pulumi program).""",
    example="""
  $ fleetctl set-metadata machine-2 disk=ssd role=
  9d04e6a1.../172.18.0.12 has disk=ssd,zone=b
""",
    configure=_configure,
    run=_run,
    after_interrupt=(
        "What has been set stays set. To look: fleetctl list-machines. To take it back: fleetctl "
        "set-metadata {machine} with the value before, or KEY="
    ),
)
