"""Every single figure, as it is kept in a file from one run to the next."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Took:
    """What some work took."""

    seconds: float
    """Until the last process ran, or was gone."""
    processors: float
    """Seconds of processors that the machines used until then."""


@dataclass(frozen=True)
class Used:
    """What all processes of a program on one machine use."""

    percent: float
    """Of one processor."""
    pss: float
    """MiB."""


def _work() -> dict[str, dict[str, list[Took]]]:
    return {}


def _idle() -> dict[str, dict[str, list[Used]]]:
    return {}


@dataclass(frozen=True)
class Figures:
    """Figures of all repetitions."""

    work: dict[str, dict[str, list[Took]]] = field(default_factory=_work)
    """By work and system."""
    idle: dict[str, dict[str, list[Used]]] = field(default_factory=_idle)
    """By system and program: each machine in each repetition."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Those of a file; none where there is no such file."""
        if not path.exists():
            return cls()
        kept = json.loads(path.read_text())
        return cls(_read(Took, kept["work"]), _read(Used, kept["idle"]))

    def write(self, path: Path) -> None:
        """Keep them."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def add_work(self, system: str, took: Mapping[str, Took]) -> None:
        """Another repetition of some work."""
        for work, figure in took.items():
            self.work.setdefault(work, {}).setdefault(system, []).append(figure)

    def add_idle(self, system: str, used: Mapping[str, list[Used]]) -> None:
        """Another repetition of doing nothing."""
        for program, machines in used.items():
            self.idle.setdefault(system, {}).setdefault(program, []).extend(machines)


def _read(
    kind: Callable[..., _T], kept: Mapping[str, Mapping[str, list[dict[str, Any]]]]
) -> dict[str, dict[str, list[_T]]]:
    return {
        outer: {inner: [kind(**one) for one in all] for inner, all in by_inner.items()}
        for outer, by_inner in kept.items()
    }
