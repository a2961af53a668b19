"""What the demo shows: sentences, commands and their output, and a last line that stays.

On a terminal the last line counts on, and the one above it says what is being done. Elsewhere it is
plain text, and the count is a line after each command.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

REFRESHES = 4
"""How often a second the last line is drawn."""


class Screen:
    """A terminal, a pipe or a file."""

    def __init__(self, console: Console, status: Callable[[], str]) -> None:
        """`status`: what the last line says at the moment; nothing while it is empty."""
        self._console = console
        self._status = status
        self._doing = ""
        self._live = Live(
            console=console,
            get_renderable=self._last_lines,
            refresh_per_second=REFRESHES,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )

    @property
    def is_terminal(self) -> bool:
        """Whether somebody may be looking, and a line can be drawn again."""
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def __enter__(self) -> Self:
        """Begin to draw the last lines."""
        if self.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End that."""
        self._live.stop()

    def say(self, sentence: str) -> None:
        """A sentence about what happens next."""
        self._print("")
        self._console.print(Text(sentence, style="bold"), soft_wrap=not self.is_terminal)

    def command(self, command: str) -> None:
        """A command, as it was typed."""
        self._print(f"$ {command}", style="cyan")

    def output(self, line: str) -> None:
        """A line that a command has printed."""
        self._print(f"  {line.expandtabs()}")

    def trouble(self, text: str) -> None:
        """What went wrong."""
        self._print(text, style="bold red")

    def doing(self, what: str) -> None:
        """What is being done now, on a terminal; nothing if it is empty."""
        self._doing = what

    def count(self) -> None:
        """The last line among the others, where it does not stay."""
        if not self.is_terminal and self._status():
            self.output(self._status())

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; all columns but the first are numbers."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        for number, title in enumerate(titles):
            table.add_column(title, justify="right" if number else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self._print("")
        self._console.print(table)

    def _print(self, line: str, style: str = "") -> None:
        text = Text(line, style=style)
        if self.is_terminal:
            self._console.print(text, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(text, soft_wrap=True)

    def _last_lines(self) -> Group:
        doing = Text(f"  {self._doing}", style="dim", no_wrap=True, overflow="ellipsis")
        return Group(doing, _coloured(self._status()))


def _coloured(status: str) -> Text:
    """The last line; its failures are green as long as there are none."""
    line = Text(status, style="reverse", no_wrap=True, overflow="ellipsis")
    line.highlight_regex(r"\b0 failed", "green")
    line.highlight_regex(r"\b[1-9][\d,]* failed", "red")
    return line
