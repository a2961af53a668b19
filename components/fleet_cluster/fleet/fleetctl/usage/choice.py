"""Choice of the machines that are asked what is used (pure)."""

from collections.abc import Iterable, Sequence

MOST = 30
"""So many machines are asked at a time: each is a connection."""


def chosen(
    alive: Iterable[str], seen: Sequence[str], asked: Iterable[str], most: int = MOST
) -> list[str]:
    """The ids of the machines to ask: all, if they are not more than `most`.

    Else those that are to be seen on the screen, then those that are asked already, then others.

    Args:
        alive: the ids of all that there are; one that is lost is not waited for.
        seen: those on the screen, the first come first.
        asked: those that are asked now.
        most: how many there may be.
    """
    there = dict.fromkeys(sorted(alive))
    ordered = dict.fromkeys(one for one in (*seen, *sorted(asked), *there) if one in there)
    return sorted(list(ordered)[:most])
