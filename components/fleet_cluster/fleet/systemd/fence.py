"""The fence, fleet-fence: stops units with `Fence=true` before this machine's lease can end.

`python3 -m fleet.systemd.fence`, a process of its own, so that it holds when fleetd hangs or has
died. fleetd notes each renewal in the lease file (`lease_file.py`); if that note grows old, the
fence has systemd stop the units, and kills what does not stop, containers included, without asking
anyone. What it stopped, fleetd starts again where the unit is assigned when the lease is alive.
systemd runs it only while there is such a unit.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from .. import lease_file
from ..lease_file import LeaseRecord
from ..state_file import overwrite
from ..unitfiles.quadlets.names import service_of
from ..unitfiles.slices import slice_of
from .cgroups import Cgroups
from .manager import OWN_DIRECTORY, RESTING

log = logging.getLogger(__name__)

FENCED_DIRECTORY = Path("/run/fleet/fenced")
"""A file for each unit with `Fence=true`; it holds `STOPPED` when the fence has stopped it."""

STOPPED = "stopped"
GUARDED = "guarded"
"""What it holds otherwise: as long, so that the fence has room for its note on a full disk."""

STOP_AT = 0.6
"""The units are stopped when so much of the lease's time has passed since it was renewed.

fleetd renews it after a third, and tries again until then."""

KILL_AT = 0.85
"""What still runs then is killed; the rest of the time is a margin for slow machines."""

LOOK_SECONDS = 0.25
"""How often the fence looks while it is closed."""

PATIENCE_SECONDS = 1.0
"""How long systemd may take for an answer; before units are to be killed, no longer than that."""

ENDING = "deactivating"
"""systemd's word for a unit that is being stopped."""
NO_ANSWER = "no answer"
"""What counts as the state of a unit of which systemd does not tell it: it may run."""


class Units(Protocol):
    """The fenced units of a machine."""

    def names(self) -> list[str]:
        """The names of all of them."""
        ...

    def up(self, seconds: float) -> Mapping[str, str]:
        """Those that run, also those that are being stopped: name to systemd's word for it.

        All of them, with `NO_ANSWER`, if systemd gives none within so many seconds.
        """
        ...

    def stop(self, names: Collection[str], seconds: float) -> None:
        """Queue stop jobs, and note who did it; systemd has so many seconds to take them."""
        ...

    def kill(self, names: Collection[str]) -> set[str]:
        """Kill all processes of these units (SIGKILL), and note it. Returns which had any."""
        ...

    def kill_containers(self) -> set[str]:
        """Kill all that runs in containers of units (SIGKILL). Returns the units that had any."""
        ...


class Fence:
    """A fence, closed while the lease may be about to end: no fenced unit runs then."""

    def __init__(self, lease: Callable[[], str], clock: Callable[[], float], units: Units) -> None:
        """`lease` reads the lease file; `clock` is the one that it was written by."""
        self._lease = lease
        self._clock = clock
        self._units = units
        self._stopped: set[str] = set()
        self._to_kill: set[str] | None = None
        """None before any was killed: all of them."""

    def step(self) -> float:
        """Look once. Returns after how many seconds to look again."""
        lease = LeaseRecord.from_text(self._lease())
        passed = self._clock() - lease.renewed_at
        if passed < STOP_AT * lease.ttl:
            self._stopped.clear()
            self._to_kill = None
            return STOP_AT * lease.ttl - passed
        left = KILL_AT * lease.ttl - passed
        if left > 0:
            self._stop(min(PATIENCE_SECONDS, left / 2))
            return min(LOOK_SECONDS, left)
        killed = self._kill()
        # Once: what is ending may use its time, for ExecStopPost=. But not what begins anew.
        self._to_kill = self._stop(PATIENCE_SECONDS) - killed
        return LOOK_SECONDS

    def _stop(self, seconds: float) -> set[str]:
        """Have all stopped, again if need be. Returns those that are not about to end by then."""
        up = self._units.up(seconds)
        new = up.keys() - self._stopped
        if new:
            log.warning("the lease may end soon, stopping %s", ", ".join(sorted(new)))
        going_on = {name for name, state in up.items() if state != ENDING}
        if told := new | going_on:
            self._units.stop(sorted(told), seconds)
        self._stopped |= new
        return going_on

    def _kill(self) -> set[str]:
        """Kill what is to be killed, and what an engine has started late. Returns whose it was."""
        names = self._units.names() if self._to_kill is None else self._to_kill
        killed = self._units.kill(names) | self._units.kill_containers()
        if killed:
            log.error("the lease is about to end, killing %s", ", ".join(sorted(killed)))
        return killed


def systemctl(*arguments: str, seconds: float = PATIENCE_SECONDS) -> str:
    """Output of systemctl; its complaints are logged. Empty if it takes too long or cannot run."""
    command = ["systemctl", *arguments]
    try:
        # `is-active` fails when one is not; what it says is all that counts.
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        log.error("systemctl %s: systemd has not answered within %.2f s", arguments[0], seconds)
        return ""
    except OSError as error:  # No process can be made: to kill what runs needs none.
        log.error("systemctl %s cannot be run: %s", arguments[0], error)
        return ""
    if done.stderr:
        log.error("systemctl %s: %s", arguments[0], done.stderr.strip())
    return done.stdout


class FencedUnits:
    """Fenced units of this machine's systemd: `Units`."""

    def __init__(
        self,
        directory: Path = FENCED_DIRECTORY,
        systemctl: Callable[..., str] = systemctl,
        files: Path = OWN_DIRECTORY,
        cgroups: Cgroups | None = None,
    ) -> None:
        """`files`: where fleet's unit files are, which name the units' slices."""
        self._directory = directory
        self._systemctl = systemctl
        self._files = files
        self._cgroups = cgroups or Cgroups()

    def names(self) -> list[str]:
        """The names of all of them."""
        found = self._directory.iterdir() if self._directory.is_dir() else ()
        return sorted(path.name for path in found)

    def up(self, seconds: float) -> dict[str, str]:
        """See `Units.up`."""
        names = self.names()
        if not names:
            return {}
        services = map(service_of, names)
        states = self._systemctl("is-active", "--", *services, seconds=seconds).split()
        if len(states) != len(names):
            return dict.fromkeys(names, NO_ANSWER)
        pairs = zip(names, states, strict=True)
        return {name: state for name, state in pairs if state not in RESTING}

    def stop(self, names: Collection[str], seconds: float) -> None:
        """See `Units.stop`."""
        self._note_stopped(names)
        self._systemctl("stop", "--no-block", "--", *map(service_of, names), seconds=seconds)

    def kill(self, names: Collection[str]) -> set[str]:
        """See `Units.kill`."""
        running = {name for name in names if self._cgroups.has_processes(service_of(name))}
        self._note_stopped(running)
        for name in running:
            self._cgroups.kill_unit(service_of(name))
        return running

    def kill_containers(self) -> set[str]:
        """See `Units.kill_containers`: those that are in the slices of units."""
        slices = {name: slice_of(name, self._text(name)) for name in self.names()}
        return {
            name for name, slice in slices.items() if slice and self._cgroups.kill_containers(slice)
        }

    def _note_stopped(self, names: Iterable[str]) -> None:
        """Before it is done: what is stopped and not noted would not start again."""
        for name in names:
            try:
                self.note([name], STOPPED)
            except OSError as error:  # Better that than a unit that runs twice.
                log.error("%s is stopped and will not start again by itself: %s", name, error)

    def _text(self, name: str) -> str:
        try:
            return (self._files / name).read_text(errors="replace")
        except OSError as error:
            log.error("the file of %s cannot be read: %s", name, error)
            return ""

    def note(self, names: Iterable[str], text: str = GUARDED) -> None:
        """Keep units as fenced, with this note."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for name in names:
            if not overwrite(self._directory / name, text):
                (self._directory / name).write_text(text)

    def forget(self, names: Iterable[str]) -> None:
        """These are fenced no longer."""
        for name in names:
            (self._directory / name).unlink(missing_ok=True)

    def stopped(self) -> set[str]:
        """Those that the fence has stopped."""
        return {n for n in self.names() if (self._directory / n).read_text().strip() == STOPPED}


def main() -> None:
    """Guard this machine's fenced units until there is none."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    units = FencedUnits()
    fence = Fence(
        lambda: lease_file.PATH.read_text() if lease_file.PATH.exists() else "",
        lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        units,
    )
    while units.names():
        time.sleep(fence.step())


if __name__ == "__main__":
    main()
