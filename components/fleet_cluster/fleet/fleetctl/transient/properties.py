"""Properties of transient units (pure): the lines of `-p NAME=VALUE`, each in its section."""

from collections.abc import Iterable, Mapping

from ...unitfiles.directives import DIRECTIVES
from ...unitfiles.options import ALL_SPELLINGS, SECTION
from ..cli.errors import UsageError
from ..cli.spelling import did_you_mean

OF_RUN: Mapping[str, str] = {
    "ExecStart": "it is the command after --",
    "MachineID": "that is --on MACHINE",
    "Global": "that is --all",
    "Restart": "a command that is run once is not started again",
    "RemainAfterExit": "a transient unit goes when its command has ended",
    "SyslogIdentifier": "by that, the output of the run is found in the journal",
}
"""Properties that the command itself sets, and why nobody else does."""

SECTIONS = (SECTION, "Service", "Unit")
"""Where a property is looked for: fleet's options come first."""


def sections(properties: Iterable[str]) -> dict[str, list[str]]:
    """The lines of each section, in the order in which they were given.

    Raises:
        UsageError: one of them is none.
    """
    found: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for given in properties:
        name, equals, value = given.partition("=")
        if not equals or not name:
            raise UsageError(f"--property is {given!r}; it must be NAME=VALUE, as in a unit file")
        if "\n" in value or value.endswith("\\"):
            raise UsageError(f"--property {name}: the value must be one line, not {value!r}")
        found[_section(name)].append(f"{name}={value}")
    return found


def _section(name: str) -> str:
    if name in OF_RUN:
        raise UsageError(f"--property {name}= is not for a run: {OF_RUN[name]}")
    known = {SECTION: frozenset(ALL_SPELLINGS), **DIRECTIVES}
    for section in SECTIONS:
        if name in known[section]:
            return section
    every = [option for section in SECTIONS for option in known[section]]
    raise UsageError(
        f"there is no property {name!r} of services{did_you_mean(name, every)}; there are those "
        "of systemd.exec(5), systemd.service(5), systemd.resource-control(5), systemd.unit(5) and "
        "of [X-Fleet]"
    )
