"""The order to reboot: the lock of reboots is one, for the machine whose turn it is."""

import logging
from collections.abc import Callable

from ..coordination.watch_cache import WatchCache
from ..journal_log import about
from ..kv import KV
from ..model.keys import REBOOT_LOCK
from ..model.reboots import RebootLock, RebootPhase
from ..model.record import BadRecordError

log = logging.getLogger(__name__)


class RebootOrder:
    """An order to one machine, in the loop's thread; it is for one boot, so it is done once."""

    def __init__(
        self,
        machine: str,
        boot: str,
        store: KV,
        wake: Callable[[], None],
        reboot: Callable[[], None],
    ) -> None:
        """`reboot` may raise OSError."""
        self._machine = machine
        self._boot = boot
        self._reboot = reboot
        self._watched = WatchCache(store, REBOOT_LOCK, wake)
        self._done = 0
        """The revision of the order that was followed."""
        self.fault = ""
        """Why it cannot be followed, in words."""
        self.hanging = ""
        """What keeps the cluster from rebooting machines; empty when nothing does."""

    def follow(self, is_heeded: bool) -> None:
        """Reboot if this boot of this machine is told to.

        Not `is_heeded`: nothing is done, as while a store that was emptied or restored is not
        trusted.
        """
        self._watched.refresh()
        lock = self._lock()
        failure = f"the reboot of machine {lock.machine} does not end" if lock else ""
        self.hanging = f"{failure}, {lock.failure}" if lock and lock.failure else ""
        if lock is None or not self._is_meant(lock):
            self.fault = ""
        elif is_heeded:
            self._obey()

    def close(self) -> None:
        """End the watch."""
        self._watched.close()

    def _obey(self) -> None:
        revision = self._watched.entries[REBOOT_LOCK].mod_revision
        if revision == self._done:
            return
        self._done = revision
        log.info("this machine reboots: ordered", extra=about("reboot"))
        try:
            self._reboot()
        except OSError as error:
            self.fault = f"this machine is to reboot, and cannot: {error}"

    def _lock(self) -> RebootLock | None:
        """The lock; of one that is no record, the leader tells."""
        entry = self._watched.entries.get(REBOOT_LOCK)
        try:
            return RebootLock.from_json(entry.value) if entry else None
        except BadRecordError:
            return None

    def _is_meant(self, lock: RebootLock) -> bool:
        is_here = bool(self._boot) and (lock.machine, lock.boot) == (self._machine, self._boot)
        return is_here and lock.phase == RebootPhase.REBOOTING and not lock.failure
