"""Which other units a unit's file names in `[Unit]`, to stop or to start with them."""

from collections.abc import Iterable

from . import names
from .syntax import read

BINDING = ("BindsTo", "Requires", "Requisite", "PartOf")
"""The options by which systemd stops, and restarts, a unit with another one."""
STOPPING = (*BINDING, "StopPropagatedFrom")
"""Those by which it stops the unit at least."""
PULLING = ("Wants", "Requires", "Requisite", "BindsTo", "Upholds")
"""The options by which a unit makes systemd start another one with it."""


def names_in(name: str, text: str, options: Iterable[str]) -> set[str]:
    """The units that the file of unit `name` has in these options of its section [Unit]."""
    return {
        _expanded(name, word)
        for assignment in read(name, text).values("Unit", *options)
        for word in assignment.value.split()
    }


def _expanded(name: str, word: str) -> str:
    for specifier, text in names.specifiers(name).items():
        word = word.replace(specifier, text)
    return word
