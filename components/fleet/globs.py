"""Shell patterns over unit names, for `Conflicts=` and `Replaces=`."""

import fnmatch
import re
from functools import lru_cache

from . import names
from .names import UnitFileError

WILDCARDS = "*?["


@lru_cache(maxsize=65536)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression: `*`, `?`, `[a-z]`, and `[!a-z]` or `[^a-z]`."""
    return re.compile(fnmatch.translate(pattern.replace("[^", "[!")))


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name fits the pattern."""
    return pattern == name or compiled(pattern).match(name) is not None


def is_literal(pattern: str) -> bool:
    """Whether it can match nothing but the name that it spells."""
    return not any(wildcard in pattern for wildcard in WILDCARDS)


def check(pattern: str) -> None:
    """Refuse a pattern that can match no unit's name.

    Raises:
        UnitFileError: says why, and what to write instead.
    """
    if is_literal(pattern):
        names.check_name(pattern)
    foreign = re.search(r"[^A-Za-z0-9:_.\\@*?\[\]!^-]", pattern)
    if foreign:
        raise UnitFileError(
            f"no unit's name holds {foreign[0]!r}: a pattern such as web@*.service is wanted"
        )
    if re.search(r"\[[^\]]*$", pattern):
        raise UnitFileError("a [ is not closed: write [abc], [a-z] or [!a-z]")
