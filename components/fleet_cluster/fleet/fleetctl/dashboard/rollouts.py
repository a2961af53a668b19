"""Rollouts as they go: how many instances, or machines, have a file, as far as rows tell (pure)."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ...unitfiles.names import template_of
from ..cli.names import SHORT_HASH
from ..live.overview import Overview, UnitRow


@dataclass(frozen=True)
class Rollout:
    """A template whose instances, or a Global unit whose machines, have several files."""

    name: str
    text: str
    """How far it is, in words."""
    share: float
    """How many of them have the new file, from 0 to 1; 0 where it is not known which that is."""


class Rollouts:
    """Rollouts of a cluster, from one overview to the next."""

    def __init__(self) -> None:
        self._newest = dict[str, str]()
        """The file that a unit was last seen to get, by template or Global unit."""

    def take_in(self, before: Overview, now: Overview) -> list[Rollout]:
        """Take in an overview and the one before it: what is on its way now."""
        for place, row in now.units.items():
            old = before.units.get(place)
            name = _rolled_as(row)
            if name and old and old.sha and row.sha not in ("", old.sha):
                self._newest[name] = row.sha
        return [
            _rollout(name, files, self._newest.get(name, ""))
            for name, files in sorted(_files(now).items())
            if len(files) > 1
        ]


def _rolled_as(row: UnitRow) -> str:
    """What it is rolled with: its template, or itself on all machines; empty for neither."""
    return template_of(row.unit) or (row.unit if row.everywhere else "")


def _files(now: Overview) -> Mapping[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in now.units.values():
        name = _rolled_as(row)
        if name and row.is_home and row.sha:
            found[name][row.sha] += 1
    return found


def _rollout(name: str, files: Counter[str], newest: str) -> Rollout:
    total = files.total()
    if newest in files:
        text = f"{files[newest]} of {total} have file {newest[:SHORT_HASH]}"
        return Rollout(name, text, files[newest] / total)
    counted = (f"{count} with {sha[:SHORT_HASH]}" for sha, count in sorted(files.items()))
    return Rollout(name, f"{len(files)} files: {', '.join(counted)}", 0.0)
