"""Container engines: what they say of containers that are outside of their unit's cgroup."""

import subprocess
from collections.abc import Callable, Iterable
from time import monotonic

from ..exec.container import Container

SECONDS = 5.0
"""How long an engine has to answer."""
AGAIN_SECONDS = 10.0
"""So long, an engine is not asked again for what it did not know, or while it hangs."""


class Engines:
    """What the engines say: each container is asked for once."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: dict[Container, tuple[str, int]] = {}
        self._ask_at: dict[Container, float] = {}

    def forget(self, kept: Iterable[Container]) -> None:
        """Forget all others: their names may be given to others."""
        kept = set(kept)
        self._known = {one: found for one, found in self._known.items() if one in kept}
        self._ask_at = {one: at for one, at in self._ask_at.items() if one in kept}

    def look_for(self, containers: Iterable[Container]) -> None:
        """Ask the engines for those that are not known yet, all at once."""
        now = self._clock()
        due = [
            one
            for one in dict.fromkeys(containers)
            if one.name and one not in self._known and now >= self._ask_at.get(one, now)
        ]
        for engine in sorted({one.engine for one in due}):
            names = [one.name for one in due if one.engine == engine]
            self._known.update(
                {Container(engine, n): at for n, at in inspect(engine, names).items()}
            )
        self._ask_at.update(dict.fromkeys(due, now + AGAIN_SECONDS))

    def of(self, container: Container) -> tuple[str, int] | None:
        """The container's id and its first process; None while that is not known."""
        return self._known.get(container)

    def drop(self, container: Container) -> None:
        """Forget one that is not there any more: its engine is asked again."""
        self._known.pop(container, None)


def inspect(engine: str, names: list[str]) -> dict[str, tuple[str, int]]:
    """The ids and first processes of containers that run, by the names that were asked for.

    Empty where the engine does not answer, or this user may not ask it.
    """
    form = "{{.Name}} {{.Id}} {{.State.Pid}}"
    call = [engine, "container", "inspect", "--format", form, "--", *names]
    try:
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    rows = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 3]
    found = {name.lstrip("/"): (id, int(process)) for name, id, process in rows}
    by_id = {id: (id, process) for id, process in found.values()}
    known = {name: found.get(name) or by_id.get(name) for name in names}
    return {name: one for name, one in known.items() if one and one[1] > 0}
