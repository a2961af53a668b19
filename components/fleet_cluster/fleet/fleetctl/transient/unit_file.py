"""The unit file of a transient unit (pure): from the words of `fleetctl run`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...unitfiles.options import SECTION
from ..cli.errors import UsageError
from .properties import sections
from .quoting import command_line, quoted

DESCRIPTION_LENGTH = 120


@dataclass(frozen=True)
class TransientUnit:
    """A transient unit, as it is asked for: systemd-run's words."""

    name: str
    """The full name of the unit."""
    identifier: str
    """What its output is found by in the journal: another one for each run."""
    words: Sequence[str]
    """The command."""
    properties: Sequence[str] = ()
    environment: Sequence[str] = ()
    """`NAME=VALUE` each."""
    user: str = ""
    working_directory: str = ""
    description: str = ""
    on_all: bool = False
    defaults: Sequence[str] = field(
        default=(
            "Type=exec",
            # journald drops what comes too fast; a 0 here would mean its own default.
            "LogRateLimitIntervalSec=1us",
            "LogRateLimitBurst=1000000",
            # Otherwise <3> at the beginning of a line is cut off.
            "SyslogLevelPrefix=no",
        )
    )

    def text(self) -> str:
        """The unit file; `[X-Fleet]` is its end.

        Raises:
            UsageError: what was given cannot be in one.
        """
        given = sections(self.properties)
        shown = self.description or " ".join(self.words)
        service = [
            *self.defaults,
            f"SyslogIdentifier={self.identifier}",
            f"ExecStart={command_line(self.words)}",
            *(f"Environment={quoted(_assignment(one))}" for one in self.environment),
            *([f"User={_line('--uid', self.user)}"] if self.user else []),
            *([f"WorkingDirectory={self._directory()}"] if self.working_directory else []),
            *given["Service"],
        ]
        unit = [f"Description={_printable(shown)}", *given["Unit"]]
        placed = [*(["Global=true"] if self.on_all else []), *given[SECTION]]
        parts = {"Unit": unit, "Service": service, SECTION: placed}
        lines = [line for name, part in parts.items() for line in ("", f"[{name}]", *part)]
        return "\n".join([f"# {self.identifier}: a transient unit of fleetctl run", *lines, ""])

    def _directory(self) -> str:
        if not self.working_directory.startswith(("/", "~", "-/")):
            raise UsageError(
                f"--working-directory is {self.working_directory!r}; it must be a whole path on "
                "the machine, or ~"
            )
        return _line("--working-directory", self.working_directory)


def _assignment(given: str) -> str:
    name, equals, _ = given.partition("=")
    if not equals or not name.isidentifier() or not name.isascii():
        raise UsageError(
            f"--setenv is {given!r}; it must be NAME=VALUE, or NAME for that variable of here"
        )
    return given


def _line(option: str, value: str) -> str:
    if not value.isprintable() or value.strip() != value:
        raise UsageError(f"{option} is {value!r}; it must be one line that can be seen")
    return value.replace("%", "%%")


def _printable(text: str) -> str:
    shown = "".join(one if one.isprintable() else " " for one in text).strip().replace("\\", "/")
    short = shown if len(shown) <= DESCRIPTION_LENGTH else shown[: DESCRIPTION_LENGTH - 3] + "..."
    return short.replace("%", "%%") or "a run"
