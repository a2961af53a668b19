"""Reasons that are looked for when somebody asks for them.

There may be one for each unit and machine: millions in a large cluster, and its leader, who plans
again at each change, reads none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping


class Reasons(Mapping[str, Mapping[str, str]]):
    """Unit to the reason for each machine's id."""

    def __init__(self, units: Iterable[str], find: Callable[[str], Mapping[str, str]]) -> None:
        """`find`: the reasons for one of these units; the same one gets the same, at any time."""
        self._units = dict.fromkeys(units)
        self._find = find

    def __getitem__(self, unit: str) -> Mapping[str, str]:
        if unit not in self._units:
            raise KeyError(unit)
        return self._find(unit)

    def __iter__(self) -> Iterator[str]:
        return iter(self._units)

    def __len__(self) -> int:
        return len(self._units)

    def __contains__(self, unit: object) -> bool:
        return unit in self._units

    def __repr__(self) -> str:
        return repr(dict(self))
