"""Origin of a change: who asks for it, and where its unit files come from."""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...model.printable import printable

AUTHOR = "FLEETCTL_AUTHOR"
"""The variable that says who asks, for programs that call fleetctl."""


@dataclass(frozen=True)
class Origin:
    """Origin of a change, for the history of units."""

    author: str = ""
    """Who asks for it: anna@laptop, pulumi shop/dev; empty where that is not known."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where files come from, by unit."""


def own_author() -> str:
    """Who runs this program, on which computer."""
    if told := os.environ.get(AUTHOR):
        return printable(told)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # From Python 3.13 on, OSError.
        user = f"user {os.getuid()}"
    return printable(f"{user}@{socket.gethostname()}")


def sources_of(paths: Mapping[str, Path]) -> dict[str, str]:
    """Where files are on this computer, by unit, as it can be kept."""
    return {name: printable(str(path.absolute())) for name, path in paths.items()}
