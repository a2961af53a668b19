"""Shipping of journals: each machine sends its own, and one machine keeps those of all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi

from ..access import Access
from ..arguments.metadata import marked
from ..errors import not_allowed
from ..units import FleetTemplate, FleetUnit

UNITS = Path(__file__).with_name("units")
FOLDER = "/var/log/journal/remote"
MAX_USE = "1G"
RECEIVER: Mapping[str, str] = {"journals": "receiver"}
"""Metadata of the machine that keeps them: it alone has the key that senders take."""
PORT = 19532
"""Where it is asked, as systemd has it."""
_PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+")
_SIZE = re.compile(r"[1-9]\d{0,5}[MGT]")


class JournalArgs(TypedDict):
    """Where the journals of all machines are kept."""

    machine: str
    """The machine that keeps them, like machine-3. What it has is on its own disk: it stays there
    when another machine is named, and goes with the machine."""
    folder: NotRequired[str]
    """A folder on that machine, with one for each machine in it; /var/log/journal/remote if not
    given. A disk or share that is mounted there outlives the machine."""
    max_use: NotRequired[str]
    """How much the journal of each machine takes there at most, like 500M; 1G if not given. Then
    its own oldest lines go."""


@dataclass(frozen=True)
class Journals:
    """What was chosen, or is so if nothing was."""

    machine: str
    folder: str
    max_use: str


def check_journals(given: JournalArgs | None, size: int) -> Journals | None:
    """What was chosen; none if no journals are to be shipped.

    Raises:
        InputError: it is not allowed.
    """
    if given is None:
        return None
    machine, folder = given["machine"], given.get("folder", FOLDER)
    max_use = given.get("max_use", MAX_USE)
    names = machine_names(size)
    if machine not in names:
        raise not_allowed("journals.machine", machine, f"one of {names[0]} to {names[-1]}")
    if not _PATH.fullmatch(folder):
        allowed = "a full path of letters, digits and _.-"
        raise not_allowed("journals.folder", folder, allowed)
    if not _SIZE.fullmatch(max_use):
        raise not_allowed("journals.max_use", max_use, "a whole number with M, G or T, like 500M")
    return Journals(machine, folder, max_use)


def machine_names(size: int) -> list[str]:
    """The names of all machines of a cluster."""
    return [f"machine-{number}" for number in range(1, size + 1)]


def with_receiver_marked(
    metadata: Sequence[Mapping[str, str]], machine: str
) -> list[Mapping[str, str]]:
    """Metadata of machines, that of the receiver with what the units ask for.

    Raises:
        InputError: it is there already.
    """
    receiver = machine_names(len(metadata)).index(machine)
    return marked(metadata, RECEIVER, [receiver], "where journals are shipped")


def ship_journals(
    parent: pulumi.Resource,
    cluster: Access,
    journals: Journals,
    machines: Mapping[str, pulumi.Input[str]],
) -> None:
    """Have fleet run what takes journals, then on each machine what sends its own.

    Senders are told the receiver's address, not a name of fleet's: whoever is root on a worker
    could have the name lead there too.

    Args:
        parent: of all units.
        cluster: where they run.
        journals: what was chosen.
        machines: addresses of all machines, by name.
    """
    gate = FleetUnit(
        "fleet-journal",
        {
            "cluster": cluster,
            "file": str(UNITS / "fleet-journal.service"),
            "values": {"machines": " ".join(machines)},
        },
        pulumi.ResourceOptions(parent=parent),
    )
    receivers = FleetTemplate(
        "fleet-journal-remote",
        {
            "cluster": cluster,
            "file": str(UNITS / "fleet-journal-remote@.service"),
            "values": {"folder": journals.folder, "max_use": journals.max_use},
            "instances": list(machines),
        },
        pulumi.ResourceOptions(parent=parent),
    )
    FleetUnit(
        "fleet-journal-upload",
        {
            "cluster": cluster,
            "file": str(UNITS / "fleet-journal-upload.service"),
            "values": {"receiver": machines[journals.machine]},
        },
        pulumi.ResourceOptions(parent=parent, depends_on=[gate, receivers]),
    )
