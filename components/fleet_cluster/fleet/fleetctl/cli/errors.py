"""Errors of fleetctl, and exit codes that scripts can rely on."""

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """fleetctl's exit codes."""

    DONE = 0
    """What was asked for is so."""
    FAILED = 1
    """Refused, or it did not work; standard error says why."""
    USAGE = 2
    """The command line is wrong; nothing was done."""
    TIMED_OUT = 3
    """It was still under way when `--timeout` or `--block-attempts` ended the wait."""


class CtlError(Exception):
    """Error: a command cannot be done. The message says what was wrong and what to do next."""

    code = Exit.FAILED


class UsageError(CtlError):
    """Error: the command line is wrong."""

    code = Exit.USAGE


class TimedOutError(CtlError):
    """Error: the wait has ended before what it waited for."""

    code = Exit.TIMED_OUT

    def __init__(self, message: str, machines: Mapping[str, str]) -> None:
        """`machines`: the units that systemd is still at work on, and the machine's id."""
        super().__init__(message)
        self.machines = machines
