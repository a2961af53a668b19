"""Requests: what is asked of this machine once, beside its schedule: orders, runs, its reboot."""

from collections.abc import Callable, Set

from ...coordination.watch_cache import WatchCache
from ...kv import KV
from ...model.keys import ORDERS
from ...model.records import MachineState
from ...systemd.manager import Systemd
from ..checkpoint import Checkpoint
from ..orders import Orders
from ..reboot_order import RebootOrder
from .runner import Runner


class Requests:
    """Requests to one machine, in the loop's thread. Calls raise what store and systemd raise."""

    def __init__(
        self,
        machine: MachineState,
        store: KV,
        systemd: Systemd,
        checkpoint: Checkpoint,
        as_written: Callable[[list[str]], list[str]],
        wake: Callable[[], None],
        wall_clock: Callable[[], float],
        begin_reboot: Callable[[], None],
    ) -> None:
        """`as_written`: see `UnitFiles.as_written`; `wall_clock`: seconds since 1970."""
        self._checkpoint = checkpoint
        self._orders = Orders(store, systemd, checkpoint, wall_clock, as_written)
        self._given = WatchCache(store, f"{ORDERS}{machine.id}/", wake)
        own = machine.id, machine.boot, store, systemd, checkpoint
        self._runner = Runner(*own, wake, wall_clock)
        self.reboot = RebootOrder(machine.id, machine.boot, store, wake, begin_reboot)

    def follow(self, announced: bool, refresh: Callable[[WatchCache], object]) -> None:
        """Do what is asked, if the machine is announced; go on with what has begun.

        `refresh`: refreshes a cache, and sees which store this is.
        """
        for cache in (self._given, self._runner.runs, self._runner.reports):
            refresh(cache)
        if announced:
            self._orders.obey(self._given.entries)
        self._runner.follow(announced)
        self.reboot.follow(announced and not self._checkpoint.distrusts)

    @property
    def running(self) -> Set[str]:
        """The units whose end systemd is to be asked for: of runs that go on."""
        return self._runner.running

    def close(self) -> None:
        """End the watches."""
        for one in (self._given, self._runner, self.reboot):
            one.close()
