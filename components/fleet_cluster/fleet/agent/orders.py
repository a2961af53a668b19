"""Orders of operators to this machine's systemd: each is done once, and answered.

An order is no desired state: it is bound to the lease of the command that gave it, and goes with
it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..journal_log import about
from ..kv import KV, SAME_LEASE, KeyValue, Put, Unchanged
from ..model.printable import printable
from ..model.record import BadRecordError
from ..model.records import Order, Verb
from ..systemd.manager import RESTING, Systemd, SystemdError
from .checkpoint import Checkpoint, Progress

log = logging.getLogger(__name__)

NOT_STARTED = "it is not started on this machine; see: fleetctl why"
STILL_STARTING = "it is still starting, and cannot be reloaded before it is active"
END_OF_RELOAD = {
    "": "",
    "done": Order.DONE,
    "failed": "its ExecReload= failed, and it runs on as before",
    "timeout": "its ExecReload= took too long and was ended",
    "canceled": "another job of systemd came before it",
    "invalid": "it does not run",
}
"""What to answer when systemd's job has ended with this result."""


@dataclass(frozen=True)
class _Answer:
    """The answer to an order, which is known by its revision."""

    revision: int
    text: str
    """Empty while systemd is at work on it."""
    is_written: bool = False
    """Whether it is in the store."""


class Orders:
    """Orders to one machine, in the loop's thread. A fleetd killed half way does one again."""

    def __init__(
        self,
        store: KV,
        systemd: Systemd,
        checkpoint: Checkpoint,
        wall_clock: Callable[[], float],
        as_written: Callable[[list[str]], list[str]],
    ) -> None:
        """`as_written`: see `UnitFiles.as_written`."""
        self._store = store
        self._systemd = systemd
        self._checkpoint = checkpoint
        self._wall_clock = wall_clock
        self._as_written = as_written
        self._answers: dict[str, _Answer] = {}

    def obey(self, entries: Mapping[str, KeyValue]) -> None:
        """Do what is new among the entries under `orders/<machine>/`, and answer it.

        While a store that was emptied or restored is not trusted, nothing is done for it.
        """
        if self._checkpoint.distrusts:
            return
        known = self._answers
        self._answers = {
            key: known[key]
            for key, entry in entries.items()
            if key in known and known[key].revision == entry.mod_revision
        }
        for key, entry in entries.items():
            order = self._read(key, entry)
            if order and not order.answer:
                self._take(key, entry, order)

    def _take(self, key: str, entry: KeyValue, order: Order) -> None:
        name = key.rpartition("/")[2]
        answer = self._answers.get(key) or _Answer(entry.mod_revision, self._do(name, order.verb))
        if not answer.text:
            answer = replace(answer, text=self._end_of_reload(name))
        self._answers[key] = answer
        if answer.is_written or not answer.text:
            return
        # The lease may have orders to other machines too, which this one may not write.
        answered = Put(key, replace(order, answer=answer.text).to_json(), SAME_LEASE)
        if not self._store.commit([answered], Unchanged(key, entry.mod_revision)):
            log.info("%s: whoever ordered %s has gone", key, order.verb)
        self._answers[key] = replace(answer, is_written=True)

    def _read(self, key: str, entry: KeyValue) -> Order | None:
        """The order; one that is no record is told once."""
        try:
            return Order.from_json(entry.value)
        except BadRecordError as error:
            if key not in self._answers:
                log.error("%s cannot be used: %s", printable(key), error)
            self._answers[key] = _Answer(entry.mod_revision, "it cannot be used", is_written=True)
            return None

    def _do(self, name: str, verb: str) -> str:
        """Do it; the answer, empty while systemd is at work on it."""
        unit = self._checkpoint.units.get(name)
        if unit is None:
            return "the unit is not on this machine"
        log.info("%s %s: ordered", verb, name, extra=about(verb, name))
        try:
            if not self._as_written([name]):
                return "its file was changed on the machine, and cannot be written again"
            if verb == Verb.RESET_FAILED:
                refused = self._systemd.reset_failed([name])
            elif verb == Verb.RESTART:
                return self._restart(name)
            elif verb == Verb.RELOAD:
                return self._reload(name)
            else:
                return f"this version of fleet does not know how to {verb}"
        except SystemdError as error:
            return str(error)
        return refused.get(name, Order.DONE)

    def _restart(self, name: str) -> str:
        """One job, by which systemd restarts as well what is bound to the unit.

        They begin with a clean slate: a restart that was asked for is no failure, so it does not
        count towards a unit's start limit.
        """
        unit = self._checkpoint.units[name]
        if unit.progress is not Progress.STARTED:
            return NOT_STARTED
        statuses = self._systemd.status([name, *self._systemd.bound(name)])
        since, now = statuses.pop(name).since, self._wall_clock()
        self._checkpoint.note({name: replace(unit, since=since, start_requested_at=now)})
        along = [other for other, status in statuses.items() if status.active not in RESTING]
        self._systemd.reset_failed([name, *along])
        return self._systemd.restart([name]).get(name, Order.DONE)

    def _reload(self, name: str) -> str:
        """The unit goes on running, whatever comes of it."""
        if self._checkpoint.units[name].progress is not Progress.STARTED:
            return NOT_STARTED
        # systemd would say that it is done, and do nothing.
        if self._systemd.status([name])[name].active == "activating":
            return STILL_STARTING
        refused = self._systemd.reload_units([name]).get(name)
        return f"{refused} To restart it: fleetctl restart {name}" if refused else ""

    def _end_of_reload(self, name: str) -> str:
        try:
            result = self._systemd.reloaded(name)
        except SystemdError as error:
            return str(error)
        return END_OF_RELOAD.get(result, f"how its reload has ended is not known ({result})")
