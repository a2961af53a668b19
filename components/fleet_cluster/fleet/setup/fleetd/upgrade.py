"""The upgrade of fleetd and the fence to the version that the set-up has brought, and back."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from urllib.error import HTTPError
from urllib.request import urlopen

from ... import config
from ..files import File
from ..shell import StepError, say, systemctl, until, write
from .versions import Versions

PROGRAMS = ("fleetd.service", "fleet-fence.service")
SERVICES = (
    *PROGRAMS,
    "fleet-fence.path",
    "fleet-prune-images.service",
    "fleet-prune-images.timer",
    "fleet-credentials.socket",
    "fleet-credentials@.service",
)
CREDENTIALS = "fleet-credentials.socket"
UNITS = Path("/etc/systemd/system")

START_SECONDS = 60
"""How long an upgraded fleetd may take to announce the machine; etcd's members elect meanwhile."""
HEALTHY_SECONDS = 20.0
"""How long it may have faults that the version before had not."""
PROBATION_SECONDS = 5.0
"""For so long it has to have none, and not to end, before the version before is given up."""


def _faults(address: str) -> frozenset[str]:
    """What fleetd says is wrong, without numbers, which change; that it does not answer, if so."""
    try:
        return _told(address) if address else frozenset()
    except (OSError, HTTPException):  # Also where it ends in the middle of its answer.
        return frozenset(["/healthz does not answer"])


def _told(address: str) -> frozenset[str]:
    try:
        with urlopen(f"http://{address}/healthz", timeout=5):
            return frozenset()
    except HTTPError as error:
        with error:
            told = error.read().decode().splitlines()
        return frozenset(re.sub(r"\d+", "N", line.partition(":")[0]) for line in told)


@dataclass(frozen=True)
class Upgrade:
    """An upgrade of what runs on this machine."""

    versions: Versions
    faults: Callable[[], frozenset[str]]
    """What is wrong with fleetd, by what it is."""
    systemctl: Callable[..., str] = systemctl
    write: Callable[[str, File], bool] = write
    units: Path = UNITS
    """Where systemd reads unit files."""
    conf: Path = config.PATH
    """Where fleetd reads its settings."""
    patience: float = HEALTHY_SECONDS
    probation: float = PROBATION_SECONDS

    @classmethod
    def here(cls, versions: Versions, metrics_address: str) -> "Upgrade":
        """An upgrade of this machine's fleetd, which answers /healthz at an address, if any."""
        return cls(versions, partial(_faults, metrics_address))

    def carry_out(self) -> None:
        """Have fleetd run the current version; go back to the one before if that is not healthy.

        Raises:
            StepError: it does not start, or has gone back; with the reason.
        """
        new, before = self.versions.current, self.versions.running
        if before in ("", new):
            self.run(new)
            return
        self._keep_conf(before)
        known = self.faults()
        try:
            self.run(new, START_SECONDS)
            self._prove(known)
        except (StepError, OSError) as error:  # The latter as where the disk is full.
            raise StepError(went_back(new, before, error, self._go_back(before))) from error
        say(f"fleetd runs version {new}, and ran {before}")
        self.versions.tidy()

    def run(self, name: str, seconds: int = 0) -> None:
        """Have fleetd run a version that this machine has, healthy or not.

        Args:
            name: of the version.
            seconds: for fleetd to announce the machine; 0 for as long as systemd gives it.

        Raises:
            StepError: it does not start.
        """
        self._switch(name)
        self._start(seconds)

    def _go_back(self, before: str) -> str:
        """Why even the version before does not start now; empty when it does."""
        try:
            self.run(before, START_SECONDS)
        except (StepError, OSError) as error:
            return str(error)
        return ""

    def _keep_conf(self, name: str) -> None:
        """Of a version that was set up when all had one fleet.conf."""
        if self.conf.exists() and not self.versions.conf(name).exists():
            self.write(str(self.versions.conf(name)), File(self.conf.read_text()))

    def _switch(self, name: str) -> None:
        """The software, its settings and unit files, which go together.

        An older version may not have all unit files: those of the newer one then stay.
        """
        self.versions.run(name)
        self.write(str(self.conf), File(self.versions.conf(name).read_text()))
        folder = self.versions.folder / name / "fleet/setup/services"
        files = [folder / service for service in SERVICES if (folder / service).exists()]
        texts = {file.name: file.read_text() for file in files}
        if any([self.write(str(self.units / name), File(text)) for name, text in texts.items()]):
            self.systemctl("daemon-reload")

    def _start(self, seconds: int) -> None:
        """Start both anew; a fence that guards nothing stays down."""
        self.systemctl("enable", "fleetd.service")
        self.systemctl("enable", "--now", "fleet-fence.path")
        self.systemctl("enable", "--now", "fleet-prune-images.timer")
        if (self.units / CREDENTIALS).exists():  # A version from before there were secrets.
            self.systemctl("enable", "--now", CREDENTIALS)
        self.systemctl("restart", "fleetd.service", seconds=seconds)
        if seconds:
            self.systemctl("try-restart", "fleet-fence.service")

    def _prove(self, known: frozenset[str]) -> None:
        """Wait until it has been well for a while, but for what was `known` before.

        Raises:
            StepError: it is not, in time.
        """
        began = self._restarts()
        since, wrong = monotonic(), frozenset[str]()

        def proven() -> bool:
            nonlocal since, wrong
            wrong = self.faults() - known
            ended = [service for service, n in self._restarts().items() if n != began[service]]
            if ended:
                raise StepError(f"{' and '.join(ended)} ended, and systemd started it again")
            if wrong:
                since = monotonic()
            return not wrong and monotonic() - since >= self.probation

        if not until(proven, self.patience + self.probation):
            raise StepError(f"/healthz tells of: {', '.join(sorted(wrong))}")

    def _restarts(self) -> dict[str, str]:
        """How often systemd had to start each of the two again."""
        ask = ("show", "--value", "--property=NRestarts")
        return {service: self.systemctl(*ask, service).strip() for service in PROGRAMS}


def went_back(new: str, before: str, why: Exception, but: str) -> str:
    """What is said of an upgrade that has failed.

    Args:
        new: the version that is not healthy.
        before: the one that is to run again.
        why: what is wrong with the new one.
        but: why the one before does not run either; empty if it does.
    """
    does = f"is to run again, and does not start: {but}" if but else "runs again"
    return (
        f"fleetd {new} does not become healthy on this machine, so {before} {does}. Units run on. "
        f"{why}\nNext step: mend the software, or take the one before for the program, and pulumi "
        "up; machines that come after this one were not touched"
    )
