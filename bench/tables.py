"""What the measurements come to, as tables for people. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from .experiments import Took, Usage

FLEET_1 = {
    "start": {12: ("3.3", "3.9"), 100: ("3.7", "4.1"), 500: ("14.0", "14.6")},
    "destroy": {12: ("17.7", ""), 100: ("168", ""), 500: ("", "")},
}
"""fleet 1.0.0 on such machines, medians: until processes run or are gone, until list-units says so.

Destroying is as shipped; with its fault on systemd 252 mended: 2.9, 3.0, 8.0 s.
"""
FLEET_1_FAILOVER = "lease 30 s: 18.7 / 23.0 / 32.3; lease 5 s: 6.8 / 8.3 / 9.6"

Times = Mapping[int, Mapping[str, Mapping[str, Sequence[Took]]]]
"""By number of units, verb, way."""


def start_and_destroy(times: Times) -> str:
    """Two lines for each verb and number of units: until it is so, until it is told."""
    header = ("", "fleetctl", "ratio", "on the machine", "systemd alone", "fleet 1.0")
    rows: list[Sequence[str]] = []
    for verb in ("start", "destroy"):
        for size, took in times.items():
            for n, (what, figure) in enumerate((("processes", _processes), ("told", _told))):
                ways = {way: [figure(one) for one in all] for way, all in took[verb].items()}
                rows.append(
                    (
                        f"{verb} {size}, {what}",
                        spread(ways["tunnel"]),
                        f"{median(ways['tunnel']) / median(ways['systemd']):.1f}",
                        spread(ways["machine"]),
                        spread(ways["systemd"]),
                        FLEET_1[verb].get(size, ("", ""))[n],
                    )
                )
    return table(header, rows)


def containers(size: int, times: Mapping[str, Mapping[str, Sequence[Took]]]) -> str:
    """Two lines for each verb: until it is so, until it is told."""
    rows: list[Sequence[str]] = []
    for verb, took in times.items():
        for what, figure in (("processes", _processes), ("told", _told)):
            ways = {way: [figure(one) for one in all] for way, all in took.items()}
            rows.append(
                (
                    f"{verb} {size}, {what}",
                    spread(ways["docker"]),
                    spread(ways["quadlet"]),
                    f"{median(ways['quadlet']) / median(ways['docker']):.2f}",
                )
            )
    return table(("", "Docker's clients", "quadlets", "ratio"), rows)


def failover(times: Mapping[int, Mapping[str, Sequence[Took]]]) -> str:
    """A line for each lease and kind of machine."""
    rows = [
        (
            f"lease {lease} s, {who} killed",
            spread([one.processes for one in took]),
            spread([one.told for one in took]),
        )
        for lease, machines in times.items()
        for who, took in machines.items()
    ]
    text = table(("", "run elsewhere", "list-units says so"), rows)
    return f"{text}fleet 1.0, list-units: {FLEET_1_FAILOVER}\n"


def idle(used: Iterable[Usage]) -> str:
    """A line for each program of each machine."""
    rows = [
        (
            f"{one.program} on {one.machine}{', leads' if one.leads else ''}",
            f"{one.percent:.2f} %",
            f"{one.rss:.1f}",
            f"{one.pss:.1f}",
        )
        for one in sorted(used, key=lambda one: (one.program, one.machine))
    ]
    return table(("idle, 100 units", "of a core", "RSS MiB", "PSS MiB"), rows)


def spread(seconds: Sequence[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{figure:.2f}" for figure in (min(seconds), median(seconds), max(seconds)))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns that line up: the first one left, the others right."""
    lines = [header, *rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
    return "".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned: list[str] = [cells[0].ljust(widths[0])]
    aligned += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return "  ".join(aligned).rstrip() + "\n"


_Figure = Callable[[Took], float]
_processes: _Figure = lambda took: took.processes  # noqa: E731
_told: _Figure = lambda took: took.told  # noqa: E731
