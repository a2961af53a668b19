"""The manager of systemd as fleet uses it, one machine's. D-Bus stands behind it (`dbus.py`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

UNIT_DIRECTORY = Path("/run/systemd/system")
"""Where systemd reads the unit files that fleet writes: a boot starts clean."""

OWN_DIRECTORY = Path("/run/fleet/units")
"""Hard links to the unit files that fleet wrote: they tell them from everyone else's."""


RESTING = ("inactive", "failed")
"""ACTIVE states of a unit that does not run."""


class SystemdError(Exception):
    """systemd refused a call, or did not answer in time."""


@dataclass(frozen=True)
class UnitStatus:
    """The status of a unit. `load` is "not-found" for one that systemd does not know."""

    load: str
    active: str
    sub: str
    since: float = 0.0
    """When it entered this ACTIVE state: seconds since 1970; 0 if it has never been started."""
    job: bool = False
    """A job is queued or running for it: its state is about to change."""
    result: str = ""
    """How the last job to start it that fleet queued has ended; empty if that is not known."""


@dataclass(frozen=True)
class LastRun:
    """The last run of a unit that is at rest."""

    invocation: str = ""
    """systemd's id of it; empty if it has never run, or systemd has forgotten it."""
    ended: float = 0.0
    """When it ended: seconds since 1970."""
    result: str = ""
    """systemd's word: success, exit-code, signal, timeout ..."""
    exit_code: int = -1
    """As a shell has it: 128 and the number of the signal; -1 where no process has ended."""


def is_at_rest(status: UnitStatus) -> bool:
    """Whether the unit does not run, and is not about to."""
    return status.active in RESTING and not status.job


UNKNOWN = UnitStatus("not-found", "inactive", "dead")
"""A unit that systemd has no file of."""


class Systemd(Protocol):
    """The systemd of one machine. Methods may raise `SystemdError`, after a bounded time."""

    def status(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        """The status of each of these units, in one call."""
        ...

    def follow(self, names: Iterable[str]) -> dict[str, UnitStatus]:
        """The same, and whoever has subscribed hears of these from now on, and of no others."""
        ...

    def write(self, files: Mapping[str, str]) -> dict[str, str]:
        """Write unit files (name to text), replacing those that are there; no reload.

        Returns why, for each that could not be written.
        """
        ...

    def remove(self, names: Iterable[str]) -> dict[str, str]:
        """Remove unit files, and forget their failures; no reload. A missing one is no error.

        Returns why, for each that could not be removed.
        """
        ...

    def link_dependencies(self, names: Iterable[str]) -> bool:
        """Have these units, and no others, start with what they are bound to; no reload.

        Returns:
            Whether that is new to systemd: a reload makes it so.
        """
        ...

    def files(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """The unit files in fleet's directory that fleet wrote: name to SHA-256 of the text.

        Of all, or of these; without what someone has replaced, or what cannot be read.
        """
        ...

    def reload(self) -> str:
        """Make systemd read the unit files again (daemon-reload). Returns why, if it refuses."""
        ...

    def unread(self, names: Iterable[str]) -> set[str]:
        """Those units whose files have changed since systemd has read them."""
        ...

    def start(self, names: Iterable[str]) -> dict[str, str]:
        """Queue start jobs, all at once; does not wait. Returns why, for each that was refused."""
        ...

    def stop(self, names: Iterable[str]) -> dict[str, str]:
        """Queue stop jobs, all at once; does not wait. Returns why, for each that was refused.

        Stopping a unit that is not loaded is no error.
        """
        ...

    def bound(self, name: str) -> set[str]:
        """Of fleet's units that are to run here, those that come and go with this one."""
        ...

    def restart(self, names: Iterable[str]) -> dict[str, str]:
        """Queue restart jobs, which take along what is bound to each unit; as for `start`."""
        ...

    def reload_units(self, names: Iterable[str]) -> dict[str, str]:
        """Queue reload jobs (ExecReload=), all at once; does not wait. Returns why, as above.

        A unit that does not run, or that cannot be reloaded, is refused.
        """
        ...

    def reloaded(self, name: str) -> str:
        """How the last reload job that was queued here has ended: systemd's word, or "unknown".

        Empty while it is under way.
        """
        ...

    def reset_failed(self, names: Iterable[str]) -> dict[str, str]:
        """Forget failures, and how often each was started; why not, for each that was refused."""
        ...

    def origins(self, names: Iterable[str]) -> dict[str, str]:
        """Of these units, none of them fleet's, those that the machine has: the file of each.

        A slice that systemd has made up, because a unit names it, is not one of them.
        """
        ...

    def down(self, names: Iterable[str]) -> set[str]:
        """Of these units, those that every boot starts (enabled), and that do not run now."""
        ...

    def fenced(self) -> set[str]:
        """The units that the fence stopped (`fence.py`), until they are released."""
        ...

    def release(self, names: Iterable[str]) -> None:
        """These may start again after the fence stopped them."""
        ...

    def journal(self, since: Mapping[str, float]) -> dict[str, str]:
        """The last lines of each unit's journal, a few; why not, where they cannot be read.

        Of what was logged since then: seconds since 1970, by unit; 0 for all.
        """
        ...

    def reasons(self, names: Iterable[str]) -> dict[str, str]:
        """Why each unit is not up, in systemd's words; empty if systemd tells none."""
        ...

    def last_run(self, name: str) -> LastRun:
        """How the last run of a unit that is at rest has ended."""
        ...

    def fenced_up(self) -> set[str]:
        """The fenced units that run or are being stopped; all of them if systemd does not say."""
        ...

    def stopping(self) -> bool:
        """Whether the machine is shutting down."""
        ...

    def subscribe(self, on_change: Callable[[], None]) -> None:
        """Call `on_change`, from a thread of its own, whenever a unit or a job changed.

        Of the units that are followed.
        """
        ...
