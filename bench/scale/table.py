"""What the measurements come to, as a table for people. Pure."""

from collections.abc import Sequence
from typing import Any

from bench.tables import table

from .usage import ETCD, FLEETD, Usage

Figures = dict[str, dict[str, Any]]
"""By number of machines, then by operation: a usage as JSON has it."""
OF_ONE_SIZE = ("roll a template",)
"""Operations on as many units in a small cluster as in a large one."""
HEADER = (
    "",
    "machines",
    "seconds",
    "leader s",
    "etcd s",
    "ratio",
    "ratio",
    "ratio",
    "leader MiB",
    "follower MiB",
    "etcd MiB",
    "KiB/s",
    "events/s",
    "requests/s",
    "busy",
)


def text(known: Figures, processors: int) -> str:
    """A line for each operation and number of machines.

    The ratios are of the three columns before them, for each machine (or for each unit, of which
    there are as many), to the smallest cluster. An idle minute is as long for all.
    """
    sizes = sorted(known, key=int)
    operations = list(dict.fromkeys(name for size in sizes for name in known[size]))
    rows: list[Sequence[str]] = []
    for name in operations:
        used = {int(size): Usage(**known[size][name]) for size in sizes if name in known[size]}
        first = min(used)
        for count, one in used.items():
            times = 1 if name in OF_ONE_SIZE else count / first
            rows.append(_row(name, count, one, times, used[first], processors))
    return table(HEADER, rows)


def _row(
    name: str, count: int, used: Usage, times: float, first: Usage, processors: int
) -> Sequence[str]:
    costs, before = _costs(used), _costs(first)
    ratios = [now / max(then, 0.01) / times for now, then in zip(costs, before, strict=True)]
    busy = sum(used.cpu.values()) / used.seconds / processors
    return (
        name,
        f"{count}",
        *(f"{cost:.2f}" for cost in costs),
        *(f"{ratio:.2f}" for ratio in ratios),
        f"{used.peak_of(f'{FLEETD} leads'):.0f}",
        f"{used.peak_of(f'{FLEETD} follows'):.0f}",
        f"{used.peak_of(ETCD):.0f}",
        f"{used.rate('bytes') / 1024:.0f}",
        f"{used.rate('events'):.0f}",
        f"{used.rate('requests'):.0f}",
        f"{busy:.0%}",
    )


def _costs(used: Usage) -> tuple[float, float, float]:
    return used.seconds, used.of(f"{FLEETD} leads"), used.of(ETCD)
