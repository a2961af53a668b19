"""The machine's lease: all that it announces in the store lives and dies with it."""

import logging
import math
import threading
from collections.abc import Callable

from ..backoff import Backoff, Chance, longest_pause
from ..kv import KV, KVForbiddenError, KVUnavailableError, LeaseLostError
from ..lease_file import LeaseRecord
from ..state_file import StateFile

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.2
"""The first pause after a lease could not be kept alive."""

HANG_SECONDS = 60.0
"""Much longer than a lease may take to be renewed, or a new one to be granted."""

BEAT_SECONDS = 120.0
"""Longer than systemd's watchdog lets the loop take: it hangs, and systemd does not see to it."""

SPREAD = 0.2
"""The part of the time between renewals that is left to chance, so that they do not come at once
for ever when etcd has answered all machines at once."""


class Lease:
    """A lease kept alive in a thread of its own, so that a busy loop does not lose it."""

    def __init__(
        self,
        store: KV,
        ttl: int,
        clock: Callable[[], float],
        saved: StateFile,
        wake: Callable[[], None],
        chance: Chance,
    ) -> None:
        """`saved` keeps a `LeaseRecord`, so that a restarted fleetd resumes the lease.

        `clock` counts over restarts of fleetd. `wake` is called when there is a new lease.
        """
        self.id = 0
        """The lease's id; 0 while there is none."""
        self.ttl = ttl
        self._store = store
        self._clock = clock
        self._saved = saved
        self._wake = wake
        self._chance = chance
        self._backoff = Backoff(RETRY_SECONDS, chance)
        self._is_reachable = True
        self._lock = threading.Lock()
        self._renewed_at = -math.inf
        self._connected_since = math.inf
        self._attempt_began = math.inf
        self._beat_at = clock()
        self.hurry = threading.Event()
        """Set when the lease is to be looked after at once."""
        self.is_void = False
        """Whether the store does not let the machine announce itself: then nobody counts on the
        lease, and neither may the fence."""
        self.unsaved = ""
        """Why the lease cannot be noted for the next fleetd; empty when it can."""

    def renew(self) -> None:
        """Keep the lease alive; take a new one when it has gone.

        Raises:
            KVUnavailableError: the store cannot be reached. The lease may still be alive.
        """
        id = self.id or self._resume()
        try:
            self._keep_alive(id)
        except LeaseLostError as error:
            self.id = 0
            id = self._grant(error)
        if id != self.id:
            self.id = id
            self._wake()

    def lost(self) -> None:
        """The store says that the lease has gone: take a new one now."""
        self.hurry.set()

    def connected_for(self) -> float:
        """For how many seconds the store was connected without a break; 0 while it is not."""
        now = self._clock()
        return 0.0 if self._is_overdue(now) else now - self._connected_since

    def is_steady(self) -> bool:
        """Whether the store was connected for the lease's full time: everybody could report."""
        return not self.steady_in()

    def steady_in(self) -> float:
        """For how many seconds it still has to be connected until that is so; 0 when it is."""
        return max(0.0, self.ttl - self.connected_for())

    def renewed_ago(self) -> float:
        """Seconds since the lease was renewed; infinite if it never was."""
        return self._clock() - self._renewed_at

    def identity_changed(self) -> None:
        """The store is not what it was: count the time connected from now."""
        with self._lock:
            self._save(self.id, self._clock())

    def run(self) -> None:
        """Renew for ever: the thread's work."""
        while True:
            self.hurry.wait(self.ttl / 3 if self.is_abandoned() else self.attempt())
            self.hurry.clear()

    def attempt(self) -> float:
        """Renew if the store can be reached: after how many seconds to do it again."""
        self._attempt_began = self._clock()
        pause = self._attempt()
        self._attempt_began = math.inf
        return pause

    def beat(self) -> None:
        """The loop does its work: the lease stands for it too."""
        was_abandoned = self.is_abandoned()
        self._beat_at = self._clock()
        if was_abandoned:
            self.hurry.set()

    def is_abandoned(self) -> bool:
        """Whether the loop has hung for so long that others are to do without this machine.

        A leader whose loop hangs would else lead for ever.
        """
        return self._clock() - self._beat_at > BEAT_SECONDS

    def hangs(self) -> bool:
        """Whether an attempt goes on for so long that its thread will not come back."""
        return self._clock() - self._attempt_began > HANG_SECONDS

    def _attempt(self) -> float:
        try:
            self.renew()
        except KVUnavailableError as error:
            if self._is_reachable:
                log.warning("cannot keep the lease alive: %s", error)
            self._is_reachable = False
            return self._backoff.pause(longest_pause(error))
        if not self._is_reachable:
            log.info("the lease is kept alive again")
        self._is_reachable = True
        self._backoff.reset()
        return self.ttl / 3 * (1 - SPREAD * self._chance())

    def end(self) -> None:
        """Give the lease back: what is bound to it goes at once."""
        if self.id:
            self._store.revoke(self.id)

    def _keep_alive(self, id: int) -> None:
        if not id:
            raise LeaseLostError("there was none")
        asked_at = self._clock()
        try:
            ttl = self._store.keep_alive(id)
        except KVForbiddenError as error:
            if self.id:
                raise
            # A fleetd that led has bound more to it than a worker may.
            raise LeaseLostError(f"the one before is not this machine's alone: {error}") from error
        if not self.id and ttl != self.ttl:
            raise LeaseLostError(f"the one before was of {ttl} s")
        self._note(id, asked_at, is_new=False)

    def _grant(self, why: Exception) -> int:
        asked_at = self._clock()
        id = self._store.grant(self.ttl)
        self._note(id, asked_at, is_new=True)
        log.info("new lease %x of %d s: %s", id, self.ttl, why)
        return id

    def _resume(self) -> int:
        """The lease of a fleetd before this one, and what it knew."""
        with self._lock:
            record = LeaseRecord.from_text(self._loaded())
            self._connected_since, self._renewed_at = record.connected_since, record.renewed_at
        return record.id

    def _loaded(self) -> str:
        try:
            return self._saved.load()
        except (OSError, UnicodeDecodeError) as error:
            log.error("the note of the lease cannot be read, taking a new one: %s", error)
            return ""

    def _note(self, id: int, asked_at: float, is_new: bool) -> None:
        """Count from the request: the lease may be as old as that when the answer is here."""
        with self._lock:
            now = self._clock()
            was_away = math.isfinite(self._renewed_at) and self._is_overdue(now)
            if not self.is_void:
                self._renewed_at = asked_at
            self._save(id, now if is_new or was_away else self._connected_since)

    def _is_overdue(self, now: float) -> bool:
        return now - self._renewed_at > self.ttl / 2

    def _save(self, id: int, connected_since: float) -> None:
        """Write the lease file. A full disk does not end the lease."""
        self._connected_since = connected_since
        record = LeaseRecord(id, connected_since, self._renewed_at, self.ttl)
        try:
            self._saved.save(record.to_text())
            self.unsaved = ""
        except OSError as error:
            self.unsaved = f"the lease cannot be noted: {error}"
