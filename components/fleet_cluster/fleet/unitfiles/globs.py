"""Shell patterns over unit names, for `Conflicts=` and `Replaces=`."""

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from . import names
from .names import UnitFileError

_WILDCARD = re.compile(r"[*?[]")
_FOREIGN_CHARACTER = re.compile(r"[^A-Za-z0-9:_.\\@*?\[\]!^-]")


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name fits the pattern: `*`, `?`, `[a-z]`, `[!a-z]` or `[^a-z]`."""
    return pattern == name or _compiled(pattern).match(name) is not None


def is_literal(pattern: str) -> bool:
    """Whether it can match nothing but the name that it spells."""
    return not _WILDCARD.search(pattern)


def check(pattern: str) -> None:
    """Refuse a pattern that can match no unit's name.

    Raises:
        UnitFileError: says why, and what to write instead.
    """
    foreign = _FOREIGN_CHARACTER.search(pattern)
    if foreign:
        raise UnitFileError(f"no unit's name holds {foreign[0]!r}; an example is web@*.service")
    if is_literal(pattern):
        names.check_name(pattern)
    elif re.search(r"\[[!^]?\]?[^]]*$", pattern):
        raise UnitFileError("a [ is not closed: write [abc], [a-z] or [!a-z]")
    elif not _may_end_in_type(pattern):
        raise UnitFileError("it matches no unit: names end in a type, as web@*.service does")


class Patterns:
    """Many patterns, arranged so that those matching a name are found without trying each."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._by_prefix: dict[str, list[str]] = defaultdict(list)
        for pattern in sorted(set(patterns)):
            self._by_prefix[_WILDCARD.split(pattern, maxsplit=1)[0]].append(pattern)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})

    def matching(self, name: str) -> tuple[str, ...]:
        """The patterns that match this name."""
        candidates = (self._by_prefix.get(name[:length], ()) for length in self._lengths)
        return tuple(pattern for group in candidates for pattern in group if matches(pattern, name))


@lru_cache(maxsize=65536)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.replace("[^", "[!")))


def _may_end_in_type(pattern: str) -> bool:
    tail = re.split(r"[*?\]]", pattern)[-1]
    if "." not in tail:
        return any(unit_type.endswith(tail) for unit_type in names.TYPES)
    return tail.rpartition(".")[2] in names.TYPES
