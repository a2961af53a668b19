"""A list of lines below a title, of which one is chosen: only what is to be seen is drawn."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ...live.overview import Place
from ..lines import Line, Table, Tone

STYLES = {
    Tone.PLAIN: Style(),
    Tone.QUIET: Style(color="yellow"),
    Tone.TROUBLE: Style(color="red", bold=True),
}
TITLE = Style(bold=True, underline=True)
CHOSEN = Style(reverse=True)


def first_shown(chosen: int, first: int, height: int, count: int) -> int:
    """The first line that is shown, so that the chosen one is, and no room is left empty.

    `first`: the one before; it stays where it can.
    """
    first = min(max(first, chosen - height + 1), chosen)
    return max(0, min(first, count - height))


class RowList(Widget, can_focus=True):
    """List of lines; `chosen` is the line of the same key as long as there is one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._table = Table("", ())
        self._chosen = 0
        self._first = 0
        self._drawn: list[tuple[str, Style]] = []

    @property
    def chosen(self) -> Line | None:
        """The line that is chosen; None where there is none."""
        lines = self._table.lines
        return lines[self._chosen] if lines else None

    @property
    def shown(self) -> list[Place | str]:
        """What the lines are about that are to be seen."""
        return [line.key for _, line in self._on_screen()]

    def show(self, table: Table) -> None:
        """Show other lines; the choice stays on what it was about."""
        before = self.chosen
        self._table = table
        keys = [line.key for line in table.lines]
        if before and before.key in keys:
            self._chosen = keys.index(before.key)
        self._draw()

    def action_move(self, by: int) -> None:
        """Choose another line."""
        self._chosen += by
        self._draw()

    def action_page(self, by: int) -> None:
        """Choose another line, as many further as are shown."""
        self.action_move(by * max(self.size.height - 1, 1))

    def on_resize(self) -> None:
        """See `Widget`."""
        self._draw()

    def on_focus(self) -> None:
        """See `Widget`."""
        self._draw()

    def on_blur(self) -> None:
        """See `Widget`."""
        self._draw()

    def render_line(self, y: int) -> Strip:
        """See `Widget`."""
        text, style = self._drawn[y] if y < len(self._drawn) else ("", Style())
        return Strip([Segment(text.ljust(self.size.width), style)]).crop(0, self.size.width)

    def _draw(self) -> None:
        """Draw the lines that are others than before: over a slow line, each counts."""
        before, self._drawn = self._drawn, self._to_draw()
        longest = max(len(before), len(self._drawn))
        old, new = ([*lines, *[None] * (longest - len(lines))] for lines in (before, self._drawn))
        for y, (was, one) in enumerate(zip(old, new, strict=True)):
            if was != one:
                self.refresh(Region(0, y, self.size.width, 1))

    def _to_draw(self) -> list[tuple[str, Style]]:
        lines = self._table.lines
        self._chosen = max(0, min(self._chosen, len(lines) - 1))
        self._first = first_shown(self._chosen, self._first, self._height, len(lines))
        shown = self._on_screen()
        return [
            (self._title(len(shown)), TITLE),
            *((line.text, self._style(number, line)) for number, line in shown),
        ]

    @property
    def _height(self) -> int:
        return max(self.size.height - 1, 0)

    def _on_screen(self) -> list[tuple[int, Line]]:
        lines = self._table.lines[self._first : self._first + self._height]
        return list(enumerate(lines, self._first))

    def _title(self, shown: int) -> str:
        """The title; where not all is shown, with what is."""
        count, title = len(self._table.lines), self._table.title
        if shown >= count:
            return title.ljust(self.size.width)
        part = f" {self._first + 1}-{self._first + shown} of {count}"
        return (
            title[: max(self.size.width - len(part), 0)].ljust(self.size.width - len(part)) + part
        )

    def _style(self, number: int, line: Line) -> Style:
        style = STYLES[line.tone]
        return style + CHOSEN if self.has_focus and number == self._chosen else style
