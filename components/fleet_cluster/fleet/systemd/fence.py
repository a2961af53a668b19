"""The fence, fleet-fence: stops units with `Fence=true` before this machine's lease can end.

`python3 -m fleet.systemd.fence`, a process of its own, so that it holds when fleetd hangs or has
died. fleetd notes each renewal in the lease file (`lease_file.py`); if that note grows old, the
fence stops the units, and kills what does not stop. What it stopped, fleetd starts again where the
unit is assigned when the lease is alive. systemd runs it only while there is such a unit.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Protocol

from .. import lease_file
from ..lease_file import LeaseRecord
from ..state_file import overwrite

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

_UP = ("active", "activating", "reloading", "deactivating")


class Units(Protocol):
    """The fenced units of a machine."""

    def up(self) -> list[str]:
        """Those that run, also those that are being stopped."""
        ...

    def stop(self, names: Collection[str]) -> None:
        """Queue stop jobs, and note who did it."""
        ...

    def kill(self, names: Collection[str]) -> None:
        """Kill all their processes (SIGKILL)."""
        ...


class Fence:
    """A fence, closed while the lease may be about to end: no fenced unit runs then."""

    def __init__(self, lease: Callable[[], str], clock: Callable[[], float], units: Units) -> None:
        """`lease` reads the lease file; `clock` is the one that it was written by."""
        self._lease = lease
        self._clock = clock
        self._units = units
        self._stopped: set[str] = set()

    def step(self) -> float:
        """Look once. Returns after how many seconds to look again."""
        lease = LeaseRecord.from_text(self._lease())
        now = self._clock()
        open_for = lease.renewed_at + STOP_AT * lease.ttl - now
        if open_for > 0:
            self._stopped.clear()
            return open_for
        up = self._units.up()
        self._stop([name for name in up if name not in self._stopped])
        if now >= lease.renewed_at + KILL_AT * lease.ttl:
            self._kill(up)
        return LOOK_SECONDS

    def _stop(self, names: Collection[str]) -> None:
        if names:
            log.warning("the lease may end soon, stopping %s", ", ".join(names))
            self._units.stop(names)
            self._stopped.update(names)

    def _kill(self, names: Collection[str]) -> None:
        if names:
            log.error("the lease is about to end, killing %s", ", ".join(names))
            self._units.kill(names)


def systemctl(*arguments: str) -> str:
    """Output of systemctl; its complaints are logged."""
    # `is-active` fails when one is not; what it says is all that counts.
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    if done.stderr:
        log.error("systemctl %s: %s", arguments[0], done.stderr.strip())
    return done.stdout


class FencedUnits:
    """Fenced units of this machine's systemd: `Units`."""

    def __init__(
        self, directory: Path = FENCED_DIRECTORY, systemctl: Callable[..., str] = systemctl
    ) -> None:
        self._directory = directory
        self._systemctl = systemctl

    def names(self) -> list[str]:
        """The names of all of them."""
        found = self._directory.iterdir() if self._directory.is_dir() else ()
        return sorted(path.name for path in found)

    def up(self) -> list[str]:
        """See `Units.up`."""
        names = self.names()
        states = self._systemctl("is-active", *names).split() if names else []
        return [name for name, state in zip(names, states, strict=True) if state in _UP]

    def stop(self, names: Collection[str]) -> None:
        """See `Units.stop`. Noted first: what is stopped and not noted would not start again."""
        for name in names:
            try:
                self.note([name], STOPPED)
            except OSError as error:  # Better that than a unit that runs twice.
                log.error("%s is stopped and will not start again by itself: %s", name, error)
        self._systemctl("stop", "--no-block", *names)

    def kill(self, names: Collection[str]) -> None:
        """See `Units.kill`."""
        self._systemctl("kill", "--signal=SIGKILL", *names)

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
