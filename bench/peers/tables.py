"""What the figures come to, as tables for people. Pure."""

from collections.abc import Callable, Sequence
from statistics import mean, median

from ..tables import spread, table
from .figures import Figures, Took

PEER = "swarm"
"""What the ratios are to."""


def tables(figures: Figures) -> str:
    """What work took with ratios of the medians, and what is used by who does nothing."""
    return f"{_work(figures)}\n{_idle(figures)}"


def _work(figures: Figures) -> str:
    rows: list[Sequence[str]] = [
        (
            f"{work}, {what}",
            system,
            str(len(took)),
            *_compared(took, by_system.get(PEER, []), figure),
        )
        for work, by_system in figures.work.items()
        for what, figure in (("seconds", _seconds), ("processors", _processors))
        for system, took in by_system.items()
    ]
    return table(("", "", "runs", "least / median / most", f"to {PEER}"), rows)


def _compared(
    took: Sequence[Took], peer: Sequence[Took], figure: Callable[[Took], float]
) -> tuple[str, str]:
    ours, theirs = [figure(one) for one in took], [figure(one) for one in peer]
    return spread(ours), f"{median(ours) / median(theirs):.2f}" if theirs else ""


def _seconds(took: Took) -> float:
    return took.seconds


def _processors(took: Took) -> float:
    return took.processors


def _idle(figures: Figures) -> str:
    rows: list[Sequence[str]] = [
        (
            system,
            program,
            f"{mean(one.percent for one in used):.2f} %",
            f"{max(one.percent for one in used):.2f} %",
            f"{mean(one.pss for one in used):.1f}",
        )
        for system, programs in figures.idle.items()
        for program, used in programs.items()
    ]
    header = ("idle, a machine", "", "of a core, mean", "most", "PSS MiB, mean")
    return table(header, rows)
