"""Options of commands that roll units: how much that may cost."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass

from .errors import UsageError
from .numbers import count, of_option
from .wait_options import add_timeout, timeout_of


@dataclass(frozen=True)
class Limits:
    """Limits of a rollout: how much it may cost."""

    max_unavailable: int = 1
    """How many instances of a template may be down at any time."""
    timeout: float | None = None
    """For how many seconds to wait for the units of one batch."""


def add_rollout_options(parser: ArgumentParser) -> None:
    """The options of commands that roll."""
    add_max_unavailable(parser)
    add_timeout(parser, "wait at most so long for each turn, then go back and exit 3")


def add_max_unavailable(parser: ArgumentParser) -> None:
    """The option that says how much a rollout may cost."""
    parser.add_argument(
        "--max-unavailable",
        type=of_option(count),
        default=1,
        metavar="N",
        help="how many instances of a template may be down at any time (default: 1)",
    )


def limits_of(arguments: Namespace) -> Limits:
    """Limits that the options of `add_rollout_options` ask for.

    Raises:
        UsageError: a number that makes no sense.
    """
    if arguments.max_unavailable < 1:
        raise UsageError(
            f"--max-unavailable is {arguments.max_unavailable}; it must be 1 or more, because an "
            "instance is down while it gets its new file"
        )
    return Limits(arguments.max_unavailable, timeout_of(arguments))
