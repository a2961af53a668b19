"""Options of commands that wait: how long, or not at all."""

from argparse import ArgumentParser, Namespace

from .numbers import count, of_option, seconds

ATTEMPT_SECONDS = 0.5
"""fleet 1.0 looked twice a second: what one of `--block-attempts` stands for."""


def add_wait_options(parser: ArgumentParser) -> None:
    """The options of commands that wait."""
    parser.add_argument("--no-block", action="store_true", help="do not wait: return at once")
    add_limits(parser)


def add_limits(parser: ArgumentParser) -> None:
    """The options of commands that wait in any case: how long at most."""
    parser.add_argument(
        "--block-attempts",
        type=of_option(count),
        default=0,
        metavar="N",
        help="wait at most N half seconds, as fleet 1.0 did (default: 0, no limit)",
    )
    add_timeout(parser, "wait at most so long, then exit 3")


def add_timeout(parser: ArgumentParser, meaning: str) -> None:
    """The option `--timeout`, for all commands that have one."""
    parser.add_argument(
        "--timeout",
        type=of_option(seconds),
        default=0,
        metavar="SECONDS",
        help=f"{meaning} (default: 0, no limit)",
    )


def timeout_of(arguments: Namespace) -> float | None:
    """The time limit in seconds that the options of `add_wait_options` or `add_timeout` ask for.

    None without one, or without such an option.
    """
    attempts = getattr(arguments, "block_attempts", 0)
    limits = [getattr(arguments, "timeout", 0), attempts * ATTEMPT_SECONDS]
    return min((limit for limit in limits if limit > 0), default=None)
