"""Triggers: what sockets, timers and paths start, and what `Once=true` asks of a timer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .names import UnitFileError, is_template, specifiers
from .quadlets.names import systemd_section
from .service import YES
from .syntax import Syntax, read, refuse

SECTIONS: Mapping[str, str] = {"timer": "Timer", "path": "Path"}
"""The types of units that start another one, and the section that names it."""
MONOTONIC = (
    "OnActiveSec",
    "OnBootSec",
    "OnStartupSec",
    "OnUnitActiveSec",
    "OnUnitInactiveSec",
    "OnClockChange",
    "OnTimezoneChange",
)
"""What a timer counts on one machine only."""
DELAYS = ("RandomizedDelaySec", "RandomizedOffsetSec")
NO_DELAY = ("", "0", "0s", "0sec", "infinity", "no", "false")


@dataclass(frozen=True)
class Schedule:
    """The schedule of a timer: when it elapses, in the words of its file."""

    calendars: tuple[str, ...]
    """Its `OnCalendar=`, each a time of its own."""
    is_persistent: bool
    """`Persistent=`: what passed while it did not run is made up for by one run."""


READ_FILES = 20_000
"""So many files are kept as they were read: the leader asks for each timer in each round."""


@lru_cache(READ_FILES)
def triggered_unit(name: str, text: str) -> str | None:
    """The unit that a timer or path starts; None for other units, and for what is no file."""
    section = SECTIONS.get(name.rpartition(".")[2])
    if section is None:
        return None
    try:
        given = read(name, text).last(section, "Unit")
    except UnitFileError:
        return None  # systemd tells of the rest of the file.
    for specifier, value in specifiers(name).items():
        given = given.replace(specifier, value)
    return given or f"{name.rpartition('.')[0]}.service"


def names_its_unit(name: str, text: str) -> bool:
    """Whether a timer or path says by `Unit=` what it starts."""
    return bool(read(name, text).last(SECTIONS[name.rpartition(".")[2]], "Unit"))


@lru_cache(READ_FILES)
def schedule_of(name: str, text: str) -> Schedule:
    """The schedule of a timer, by its file."""
    syntax = read(name, text)
    calendars = tuple(one.value for one in syntax.values("Timer", "OnCalendar"))
    return Schedule(calendars, syntax.last("Timer", "Persistent").lower() in YES)


def stays(name: str, text: str) -> bool:
    """Whether a service stays active when it has ended (`RemainAfterExit=`)."""
    if systemd_section(name) != "Service":
        return False
    try:
        return read(name, text).last("Service", "RemainAfterExit").lower() in YES
    except UnitFileError:
        return False  # systemd tells of the rest of the file.


def check_once(syntax: Syntax) -> None:
    """Refuse a timer whose elapses cannot be the cluster's: it has `Once=true`.

    Raises:
        UnitFileError: says what stands in the way.
    """
    for key in MONOTONIC:
        for given in syntax.values("Timer", key):
            what = (
                f"{key}={given.value} counts on one machine, and with Once=true the cluster is "
                "the clock: say when by OnCalendar=, or leave Once= out"
            )
            raise refuse(syntax.file, given.line, what)
    for key in DELAYS:
        for given in syntax.values("Timer", key):
            if given.value.lower() not in NO_DELAY:
                what = (
                    f"{key}={given.value} spreads what many machines do, and with Once=true one "
                    "does: leave it out"
                )
                raise refuse(syntax.file, given.line, what)
    if not syntax.values("Timer", "OnCalendar"):
        lines = [one.line for one in syntax.sections if one.name == "Timer"]
        what = "Once=true needs an OnCalendar=, such as OnCalendar=daily"
        raise refuse(syntax.file, lines[0] if lines else 1, what)


def template_of_socket(name: str) -> str:
    """The template whose instances would serve a socket: `echo@.service` for `echo.socket`."""
    return f"{name.partition('.socket')[0].partition('@')[0]}@.service"


def accepted_template(name: str, text: str) -> str | None:
    """The template that has to be on the machine with this unit; None for other units."""
    if not name.endswith(".socket") or is_template(name):
        return None
    try:
        accepts = read(name, text).last("Socket", "Accept").lower() in YES
    except UnitFileError:
        return None  # systemd tells of the rest of the file.
    return template_of_socket(name) if accepts else None
