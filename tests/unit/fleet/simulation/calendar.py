"""The calendar of a simulation: elapses at all whole multiples of some seconds."""

from collections.abc import Sequence


def elapses(calendars: Sequence[str], after: float) -> list[float]:
    """The next elapses of calendars like `10s`."""
    steps = [int(one.removesuffix("s")) for one in calendars]
    return sorted({step * float(after // step + n) for step in steps for n in range(1, 40)})
