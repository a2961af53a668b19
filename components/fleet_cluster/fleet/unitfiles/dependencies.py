"""Dependencies of a unit: those that its file names in `[Unit]`, to stop or start with them."""

from collections.abc import Iterable

from . import names
from .syntax import read

BINDING = ("BindsTo", "Requires", "Requisite", "PartOf")
"""The options by which systemd stops, and restarts, a unit with another one."""
STOPPING = (*BINDING, "StopPropagatedFrom")
"""Those by which it stops the unit at least."""
PULLING = ("Wants", "Requires", "Requisite", "BindsTo", "Upholds")
"""The options by which a unit makes systemd start another one with it."""


def dependencies(name: str, text: str, options: Iterable[str]) -> set[str]:
    """The dependencies of unit `name` in these options of its file's section [Unit]."""
    return {
        _expanded(name, word)
        for directive in read(name, text).values("Unit", *options)
        for word in directive.value.split()
    }


def _expanded(name: str, word: str) -> str:
    for specifier, text in names.specifiers(name).items():
        word = word.replace(specifier, text)
    return word
