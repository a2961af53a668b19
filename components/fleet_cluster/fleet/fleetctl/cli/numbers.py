"""Numbers that options take (pure): anything else is refused, before anything is done."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from math import isfinite
from typing import TypeVar

T = TypeVar("T")


def seconds(given: str) -> float:
    """A length of time.

    Raises:
        ValueError: says what it must be.
    """
    return _seconds(given, "it must be seconds, 0 or more, such as 10", lambda number: number >= 0)


def some_seconds(given: str) -> float:
    """A length of time that is not nothing.

    Raises:
        ValueError: says what it must be.
    """
    return _seconds(given, "it must be more than 0 seconds, such as 10", lambda number: number > 0)


def _seconds(given: str, rule: str, is_allowed: Callable[[float], bool]) -> float:
    try:
        number = float(given)
    except ValueError as error:
        raise ValueError(rule) from error
    if not isfinite(number) or not is_allowed(number):
        raise ValueError(rule)
    return number


def count(given: str) -> int:
    """How many of something there are to be.

    Raises:
        ValueError: says what it must be.
    """
    if not _is_whole(given):
        raise ValueError("it must be a whole number, 0 or more")
    return int(given)


def lines(given: str) -> str:
    """How many lines, as journalctl takes it.

    Raises:
        ValueError: says what it must be.
    """
    if given != "all" and not _is_whole(given):
        raise ValueError("it must be a whole number, 0 or more, or all")
    return given


def port(given: str) -> int:
    """A TCP port.

    Raises:
        ValueError: says what it must be.
    """
    if not is_port(given):
        raise ValueError("it must be a number from 1 to 65535")
    return int(given)


def is_port(given: str) -> bool:
    """Whether that is a TCP port."""
    return _is_whole(given) and 0 < int(given) < 2**16


def _is_whole(given: str) -> bool:
    return given.isascii() and given.isdecimal()


def of_option(check: Callable[[str], T]) -> Callable[[str], T]:
    """Type of an option, as argparse takes it, of one of the above: argparse tells its rule."""

    def checked(given: str) -> T:
        try:
            return check(given)
        except ValueError as error:
            raise ArgumentTypeError(f"it is {given!r}; {error}") from error

    return checked
