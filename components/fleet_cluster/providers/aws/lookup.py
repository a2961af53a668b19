"""Questions to AWS about what a cluster's arguments name."""

from collections.abc import Callable
from typing import TypeVar

from ...errors import InputError, not_allowed

Answer = TypeVar("Answer")


def looked_up(name: str, given: str, ask: Callable[[], Answer]) -> Answer:
    """What AWS answers.

    Raises:
        InputError: it does not, or does not know what was given; AWS's words tell which.
    """
    try:
        return ask()
    # Pulumi's SDK has no type of its own for an answer that did not come.
    except Exception as error:
        raise InputError(
            f"provider.aws.{name}", f"{given!r} could not be looked up in this region: {error}"
        ) from error


def refused(name: str, given: object, allowed: str) -> InputError:
    """The error of an argument that AWS's answers do not allow."""
    return not_allowed(f"provider.aws.{name}", given, allowed)
