"""Counters of fleet's units on this machine: systemd's, the kernel's, and of their containers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...systemd.cgroups import HIERARCHIES
from ...systemd.manager import OWN_DIRECTORY
from ...unitfiles.names import is_template
from ...unitfiles.quadlets.names import by_unit
from ..exec.container import Container, containers
from ..exec.processes import look_through, words_of
from .bus import Systemd, Told
from .engines import Engines
from .kernel import COUNTING, PROC, Kernel
from .rates import Counters

Clients = tuple[frozenset[int], list[Container]]
"""The processes of a unit, and the containers that they stand for."""


class Units:
    """The units whose files fleet has written here, and what they have used."""

    def __init__(
        self,
        systemd: Systemd,
        kernel: Kernel,
        engines: Engines,
        own: Path = OWN_DIRECTORY,
        root: Path | None = None,
        proc: Path = PROC,
    ) -> None:
        """`own`: fleet's files; `root`: systemd's hierarchy, if not where systemd mounts it."""
        self._systemd = systemd
        self._kernel = kernel
        self._engines = engines
        self._own = own
        self._root = root or next((one for one in HIERARCHIES if one.is_dir()), HIERARCHIES[-1])
        self._proc = proc
        self._clients: dict[str, Clients] = {}

    def counters(self) -> dict[str, Counters]:
        """The counters of those that run, by name.

        Raises:
            SystemdError: systemd does not answer.
        """
        names = [one.name for one in self._own.iterdir()] if self._own.is_dir() else []
        told = by_unit([one for one in names if not is_template(one)], self._systemd.ask)
        seen = {name: self._look_through(one.group) for name, one in told.items()}
        outside = {name: self._outside(name, *seen[name]) for name in told}
        self._clients = {name: one for name, one in self._clients.items() if name in told}
        wanted = [one for each in outside.values() for one in each]
        self._engines.forget(wanted)
        self._engines.look_for(wanted)
        return {name: self._of(one, seen[name][1], outside[name]) for name, one in told.items()}

    def _look_through(self, group: str) -> tuple[list[str], list[int]]:
        """What is in a unit's cgroup; nothing where it has none, as while it waits to restart."""
        return look_through(self._root / group.lstrip("/")) if group else ([], [])

    def _outside(self, name: str, groups: list[str], processes: list[int]) -> list[Container]:
        """The unit's containers that are not in its own cgroup."""
        known, found = self._clients.get(name, (frozenset[int](), list[Container]()))
        if known != frozenset(processes):
            if any(one.startswith("libpod-payload-") for one in groups):
                found = []
            else:
                found = containers([], (words_of(self._proc, one) for one in processes))
            self._clients[name] = frozenset(processes), found
        return found

    def _of(self, told: Told, processes: Sequence[int], outside: Iterable[Container]) -> Counters:
        """Of a unit. Its client's share alone would be no answer where a container is not found."""
        own = {one: told.group for one in COUNTING if told.group}
        cpu = self._own_cpu(told, own, processes)
        memory = told.memory if told.memory is not None else self._kernel.group_memory(own)
        for container in outside:
            found = self._container(container)
            if found is None:
                return Counters(None, None)
            id, used, has = found
            cpu[f"container {id}"] = used
            memory = (memory or 0) + has
        return Counters(cpu, memory)

    def _own_cpu(
        self, told: Told, own: dict[str, str], processes: Sequence[int]
    ) -> dict[str, float]:
        """By systemd; else by its cgroup; else by each process, without those that have ended."""
        counted = told.cpu if told.cpu is not None else self._kernel.group_cpu(own)
        return self._kernel.process_cpu(processes) if counted is None else {"unit": counted}

    def _container(self, one: Container) -> tuple[str, float, int] | None:
        """A container's id, the seconds that it has had, and its bytes; None if nobody says it."""
        known = self._engines.of(one)
        if known is None:
            return None
        id, process = known
        groups = self._kernel.group_of(process, id)
        used, has = self._kernel.group_cpu(groups), self._kernel.group_memory(groups)
        if used is None or has is None:
            self._engines.drop(one)
            return None
        return id, used, has
