"""The condition of a machine: what does not work there, for which it gets no new units."""

import math
from collections.abc import Mapping

from ..disks.file_systems import RUN
from .environment import Environment
from .metrics import Metrics
from .registration import Registration
from .troubles import Troubles

LASTING_SECONDS = 10.0
"""What is over sooner, such as a restart of Docker, is nothing for the cluster to act on."""

DOCKER = "docker.service"

SICK: Mapping[str, str] = {
    "systemd": "systemd does not do as it should",
    "the disk": "/run has no room",
    "Docker": "Docker is down",
    "Docker's answer": "Docker does not answer",
}
"""The sources of troubles that count, and what the cluster is told of each."""


class Condition:
    """A condition that does not flap: what begins or ends is told when it has lasted."""

    def __init__(
        self,
        environment: Environment,
        troubles: Troubles,
        registration: Registration,
        metrics: Metrics,
    ) -> None:
        """What is found first is taken to have lasted."""
        self._systemd = environment.systemd
        self._clock = environment.clock
        self._troubles = troubles
        self._registration = registration
        self._metrics = metrics
        self._short: set[str] = set()
        self._seen: str | None = None
        self._since = -math.inf
        self._told = ""

    def watch(self) -> None:
        """Note what does not work of what nobody else notes.

        Raises:
            SystemdError: systemd does not answer.
        """
        self._watch_disks()
        self._watch_docker()

    def _watch_docker(self) -> None:
        """Note when Docker does not run on a machine that is to have it, or hangs."""
        advice = f"{DOCKER} is enabled on this machine, and does not run: start it, or disable it"
        self._troubles.note("Docker", advice if self._systemd.down([DOCKER]) else "")
        self._troubles.note("Docker's answer", self._metrics.docker)

    def _watch_disks(self) -> None:
        """Note the file systems that are short of room."""
        short = {one.path: one.describe() for one in self._metrics.file_systems if one.is_short}
        for path in sorted(self._short | short.keys()):
            advice = (
                f"{short[path]}: nothing new is to start here; make room" if path in short else ""
            )
            self._troubles.note(path, advice)
        self._short = set(short)

    def _sick(self) -> list[str]:
        return [told for source, told in SICK.items() if self._troubles.of(source)]

    def _cramped(self) -> list[str]:
        known = {RUN} if self._troubles.of("the disk") else set[str]()
        return [f"{path} is short of room" for path in sorted(self._short - known)]

    def tell(self, lease: int) -> float:
        """Have the machine's record say what does not work.

        Returns:
            After how many seconds to call again; 0 if only for what happens.
        """
        now = self._clock()
        found = "; ".join([*self._sick(), *self._cramped()])
        if self._seen is not None and found != self._seen:
            self._since = now
        self._seen = found
        left = max(0.0, self._since + LASTING_SECONDS - now)
        if not left:
            self._told = found
        self._registration.tell(self._told, lease)
        return left
