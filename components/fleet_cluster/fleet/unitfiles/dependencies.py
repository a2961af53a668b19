"""Dependencies of a unit: those that its file names in `[Unit]`, to stop or start with them."""

from collections.abc import Collection

from . import names
from .quadlets.names import is_quadlet, service_of
from .quadlets.references import references
from .syntax import read

REQUIRING = "Requires"
BINDING = ("BindsTo", REQUIRING, "Requisite", "PartOf")
"""The options by which systemd stops, and restarts, a unit with another one."""
STOPPING = (*BINDING, "StopPropagatedFrom")
"""Those by which it stops the unit at least."""
PULLING = ("Wants", REQUIRING, "Requisite", "BindsTo", "Upholds")
"""The options by which a unit makes systemd start another one with it."""


def dependencies(name: str, text: str, options: Collection[str]) -> set[str]:
    """The dependencies of unit `name` in these options of its file's section [Unit].

    As systemd knows them: a quadlet by its service, also where the file names the quadlet. What a
    quadlet refers to, Podman's generator has its service require.
    """
    syntax = read(name, text)
    words = [word for one in syntax.values("Unit", *options) for word in one.value.split()]
    required = references(syntax) if REQUIRING in options and is_quadlet(name) else ()
    return {service_of(_expanded(name, word)) for word in (*words, *required)}


def _expanded(name: str, word: str) -> str:
    for specifier, text in names.specifiers(name).items():
        word = word.replace(specifier, text)
    return word
