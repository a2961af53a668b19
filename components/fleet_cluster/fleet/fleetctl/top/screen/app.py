"""The screen of `fleetctl top`: draws what is heard, and runs what keys ask for."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from time import time
from typing import ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.message import Message
from textual.widgets import Static

from ...live.link import News
from ...live.reception import Reception
from ...live.words import headline
from ...usage.asked_machines import Ask, AskedMachines
from ...usage.figures import Figures
from ...usage.probes import Measured, Target, Unmeasured
from ..actions import HELP, OF_MACHINES, OF_UNITS, Action, NoActionError, action
from ..lines import Content, Order, cut, event_table, machine_table, unit_table
from .row_list import RowList

TICK_SECONDS = 1.0
"""How often it looks what has another age by now; only that is drawn."""

OLDER = "{} does not say what is used there: its fleetctl is of a version before"

T = TypeVar("T")
Runner = Callable[[Sequence[str]], None]
"""Runs a command line of fleetctl in the terminal, until the operator has seen it."""


class Arrived(Message):
    """Message: there is news in the queue."""


class Top(App[None]):
    """The screen. `hear` may be called from any thread; `run_command` gets the terminal."""

    CSS = """
    #machines { height: 5; }
    #units { height: 1fr; }
    #events { height: 5; }
    #head, #foot { height: 1; }
    #head { text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", show=False),
        Binding("t", "only_trouble", show=False),
        Binding("c", "order('CPU')", show=False),
        Binding("m", "order('MEMORY')", show=False),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        run_command: Runner,
        clock: Callable[[], float] = time,
        suspended: Callable[[], AbstractContextManager[None]] | None = None,
        ask: Ask = list[Target],
    ) -> None:
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self._run_command = run_command
        self._clock = clock
        self._suspended = suspended or self.suspend
        self._reception = Reception(clock)
        self._history = self._reception.history
        self._figures = Figures()
        self._order = Order.NAME
        self._asked_machines = AskedMachines(ask)
        self._has_older = False
        """Whether a machine was told of whose fleetctl does not know what is used."""
        self._news: SimpleQueue[News | Measured | Unmeasured] = SimpleQueue()
        self._only_trouble = False
        self._asked: Action | None = None
        self._said = ""

    def hear(self, news: News | Measured | Unmeasured) -> None:
        """Take in news, from any thread; what is used is drawn with the next tick."""
        self._news.put(news)
        if not isinstance(news, Measured | Unmeasured):
            self.post_message(Arrived())

    def compose(self) -> ComposeResult:
        """See `App`."""
        yield Static(id="head", markup=False)
        yield RowList("machines")
        yield RowList("units")
        yield RowList("events")
        yield Static(id="foot", markup=False)

    def on_mount(self) -> None:
        """See `App`."""
        self._list("events").can_focus = False
        self._list("units").focus()
        self.set_interval(TICK_SECONDS, self.tick)
        self.on_arrived()

    def on_resize(self) -> None:
        """See `App`."""
        self.call_after_refresh(self._show)

    def on_arrived(self) -> None:
        """Take in all that has come, and draw once."""
        self._take_in_all()
        self._show()

    def tick(self) -> None:
        """Draw what has another age or is used otherwise by now, and ask whom we look at."""
        self._take_in_all()
        self._figures.expire(self._clock())
        if self._is_there:
            self._show_rows()
            self._ask_machines()

    def on_key(self, event: Key) -> None:
        """Answer a question, or find out what a key asks for."""
        asked, self._asked, self._said = self._asked, None, ""
        if asked:
            event.prevent_default().stop()
            if event.key == "y":
                self._run(asked)
        elif event.key in OF_UNITS or event.key in OF_MACHINES:
            self._ask_for(event.key)
        self._show_foot()

    def action_only_trouble(self) -> None:
        """Show only units in trouble, or all again."""
        self._only_trouble = not self._only_trouble
        self._show()

    def action_order(self, order: str) -> None:
        """Show first what uses the most, or again in the order of names."""
        wanted = Order[order]
        self._order = Order.NAME if self._order is wanted else wanted
        self._show()

    def _ask_for(self, key: str) -> None:
        of_machines = self._list("machines").has_focus
        row = self._list("machines" if of_machines else "units").chosen
        nothing = "" if of_machines else ("", "")
        try:
            wanted = action(key, row.key if row else nothing, self._history.overview)
        except NoActionError as error:
            self._said = str(error)
            return
        if wanted.is_change:
            self._asked = wanted
        else:
            self._run(wanted)

    def _run(self, wanted: Action) -> None:
        with self._suspended():
            self._run_command(wanted.words)
        self.on_arrived()
        self.refresh(layout=True)

    def _ask_machines(self) -> None:
        """Have the machines asked that are alive, or those on the screen if they are many."""
        rows = [*self._list("machines").shown, *self._list("units").shown]
        seen = [row if isinstance(row, str) else row[1] for row in rows]
        self._asked_machines.choose(self._history.overview, seen)

    def _take_in_all(self) -> None:
        for one in _drained(self._news):
            self._take_in(one)

    def _take_in(self, news: News | Measured | Unmeasured) -> None:
        match news:
            case Measured(machine, sample):
                self._figures.take_in(machine, sample, self._clock())
            case Unmeasured(machine, is_older):
                self._figures.forget(machine)
                if is_older:
                    self._note_older(self._history.overview.name_of(machine))
            case _:
                self._reception.take_in(news)

    def _note_older(self, machine: str) -> None:
        if not self._has_older:
            self._history.note(OLDER.format(machine), self._reception.now())
        self._has_older = True

    def _show(self) -> None:
        if not self._is_there:
            return
        overview, width = self._history.overview, self.size.width
        self._lay_out(len(overview.machines))
        self._show_rows()
        self._list("events").show(event_table(self._history.events(self._reception.now()), width))
        self._show_head(width)
        self._show_foot()

    def _show_rows(self) -> None:
        content = Content(self._history, self._figures, self._reception.now(), self._order)
        self._list("machines").show(machine_table(content, self.size.width))
        units = unit_table(content, self.size.width, only_trouble=self._only_trouble)
        self._list("units").show(units)

    def _show_head(self, width: int) -> None:
        link = self._reception.link
        left = cut(headline(self._history.overview), max(width - len(link) - 2, 0))
        self.query_one("#head", Static).update(f"{left:<{max(width - len(link), 0)}}{link}"[:width])

    def _show_foot(self) -> None:
        foot = self._asked.question if self._asked else self._said or HELP
        self.query_one("#foot", Static).update(foot)

    def _lay_out(self, machines: int) -> None:
        """The machines have what they need, up to a quarter; the events a fifth."""
        height = self.size.height
        self._list("machines").styles.height = min(machines + 1, max(height // 4, 4))
        self._list("events").styles.height = max(height // 5, 4)

    @property
    def _is_there(self) -> bool:
        """Whether there is something to draw on: a timer may come once more when it has ended."""
        return bool(self.query(RowList))

    def _list(self, id: str) -> RowList:
        return self.query_one(f"#{id}", RowList)


def _drained(queue: "SimpleQueue[T]") -> Iterable[T]:
    try:
        while True:
            yield queue.get_nowait()
    except Empty:
        return
