"""The feed: one link to the cluster for all pages that are open, and none while none is."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from threading import RLock, Timer
from time import time
from typing import Protocol

from ..live.changes import Change, change
from ..live.events import Event
from ..live.link import Link, News, Way
from ..live.reception import Reception
from ..live.words import headline
from ..usage.asked_machines import Ask, AskedMachines
from ..usage.figures import Figures
from ..usage.probes import Measured, Target, Unmeasured
from .rollouts import Rollout, Rollouts
from .shown import Shown, shown_events, shown_machine, shown_unit, shown_usage
from .waiting import Waiting

LINGER_SECONDS = 10.0
"""How long the link stays when the last page has gone: one that is loaded again finds it."""


class Connection(Protocol):
    """A link, as the feed needs it."""

    def start(self) -> None:
        """Begin to tell news."""

    def close(self) -> None:
        """End."""


Connect = Callable[[Sequence[Way], Callable[[News], None]], Connection]


class Feed:
    """Feed of the cluster to pages. Any thread may call it; close it at the end."""

    def __init__(
        self, ways: Sequence[Way], connect: Connect = Link, ask: Ask = list[Target]
    ) -> None:
        self._ways = ways
        self._connect = connect
        self._asked = AskedMachines(ask)
        self._figures = Figures()
        self._lock = RLock()
        self._pages = list[Waiting]()
        self._link: Connection | None = None
        self._linger: Timer | None = None
        self._reception = Reception(time)
        self._history = self._reception.history
        self._rollouts = Rollouts()
        self._rolling = list[Rollout]()

    def open(self, also: Callable[[News], None] = lambda _: None) -> None:
        """Begin a link, unless there is one; `also` is told its news as well."""
        with self._lock:
            if self._linger:
                self._linger.cancel()
            if self._link is None:
                self._begin(also)

    def close(self) -> None:
        """End the link, and all pages."""
        with self._lock:
            for page in self._pages:
                page.end()
            self._close_link()

    @contextmanager
    def page(self) -> Generator[Waiting]:
        """Messages for a page, objects of JSON, from one that tells all that there is on."""
        page = Waiting()
        with self._lock:
            self.open()
            page.put(self._all(), self._all)
            for target in self._asked.targets:
                if self._figures.machine(target.id):
                    page.put(self._usage(target.id), self._all)
            self._pages.append(page)
        try:
            yield page
        finally:
            self._leave(page)

    def measure(self, news: Measured | Unmeasured) -> None:
        """Take in what a machine uses, and tell it."""
        with self._lock:
            if isinstance(news, Measured):
                self._figures.take_in(news.machine, news.sample, time())
            else:
                self._figures.forget(news.machine)
            self._figures.expire(time())
            for page in self._pages:
                page.put(self._usage(news.machine), self._all)

    def knows(self, unit: str, machine: str) -> bool:
        """Whether the page shows that unit there."""
        with self._lock:
            return (unit, machine) in self._history.overview.units

    def linger(self) -> None:
        """End the link in a while, unless there is a page then."""
        with self._lock:
            self._linger = Timer(LINGER_SECONDS, self._close_if_unseen)
            self._linger.daemon = True
            self._linger.start()

    def _begin(self, also: Callable[[News], None]) -> None:
        def hear(news: News) -> None:
            with self._lock:
                if link is self._link:  # One that was closed has nothing more to say.
                    self._hear(news)
            also(news)

        self._link = link = self._connect(self._ways, hear)
        self._reception.begin()
        link.start()

    def _leave(self, page: Waiting) -> None:
        with self._lock:
            self._pages.remove(page)
            if not self._pages and self._link:
                self.linger()

    def _close_if_unseen(self) -> None:
        with self._lock:
            if not self._pages:
                self._close_link()

    def _close_link(self) -> None:
        if self._linger:
            self._linger.cancel()
        if self._link:
            self._link.close()
        self._link = None
        self._asked.leave()

    def _hear(self, news: News) -> None:
        before = self._history.overview
        happened = self._reception.take_in(news)
        difference = change(before, self._history.overview, self._reception.now())
        self._rolling = self._rollouts.take_in(before, self._history.overview)
        message = self._message(difference, happened)
        self._asked.choose(self._history.overview)
        for page in self._pages:
            page.put(message, self._all)

    def _usage(self, id: str) -> str:
        overview = self._history.overview
        told = shown_usage(id, self._figures, overview.units, overview.machines.get(id))
        return json.dumps({"usage": told}, separators=(",", ":"))

    def _all(self) -> str:
        """A message that tells all that there is."""
        everything = change(None, self._history.overview, self._reception.now())
        return self._message(everything, self._history.events(self._reception.now())[::-1])

    def _message(self, one: Change, happened: Sequence[Event]) -> str:
        history = self._history
        told: Shown = {
            "at": one.at,
            "whole": one.is_whole,
            "link": self._reception.link,
            "connected": self._reception.is_current,
            "headline": headline(history.overview) if history.is_known else "",
            "machines": [shown_machine(id, row, history) for id, row in one.machines.items()],
            "units": [shown_unit(place, row, history) for place, row in one.units.items()],
            "leases": self._leases(),
            "events": shown_events(happened),
            "rollouts": [asdict(rollout) for rollout in self._rolling],
        }
        return json.dumps(told, separators=(",", ":"))

    def _leases(self) -> dict[str, int]:
        """How many seconds ago leases were renewed, by machine, as far as that is known."""
        ids, now = self._history.overview.machines, self._reception.now()
        ages = {id: self._history.lease_age(id, now) for id in ids}
        return {id: age for id, age in ages.items() if age is not None}
