"""The machine's lease: all that it announces in the store lives and dies with it."""

import logging
import math
import threading
from collections.abc import Callable

from ..kv import KV, KVUnavailableError, LeaseLostError
from ..state_file import StateFile

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.2


class Lease:
    """Keeps a lease alive, in a thread of its own so that a busy loop does not lose it."""

    def __init__(
        self,
        store: KV,
        ttl: int,
        clock: Callable[[], float],
        saved: StateFile,
        wake: Callable[[], None],
    ) -> None:
        """`saved` keeps the lease's id, so that a restarted fleetd resumes it.

        `clock` counts over restarts of fleetd. `wake` is called when there is a new lease.
        """
        self.id = 0
        """The lease's id; 0 while there is none."""
        self.ttl = ttl
        self._store = store
        self._clock = clock
        self._saved = saved
        self._wake = wake
        self._lock = threading.Lock()
        self._renewed_at = -math.inf
        self._connected_since = math.inf
        self.hurry = threading.Event()
        """Set when the lease is to be looked after at once."""
        self.unsaved = ""
        """Why the lease cannot be noted for the next fleetd; empty when it can."""

    def renew(self) -> None:
        """Keep the lease alive; take a new one when it has gone.

        Raises:
            KVUnavailableError: the store cannot be reached. The lease may still be alive.
        """
        lease = self.id or self._resume()
        try:
            if not lease:
                raise LeaseLostError("there was none")
            asked_at = self._clock()
            ttl = self._store.keep_alive(lease)
            if not self.id and ttl != self.ttl:
                raise LeaseLostError(f"the one before was of {ttl} s")
            self._note(lease, asked_at, is_new=False)
        except LeaseLostError as error:
            self.id = 0
            asked_at = self._clock()
            lease = self._store.grant(self.ttl)
            self._note(lease, asked_at, is_new=True)
            log.info("new lease %x of %d s: %s", lease, self.ttl, error)
        if lease != self.id:
            self.id = lease
            self._wake()

    def lost(self) -> None:
        """The store says that the lease has gone: take a new one now."""
        self.hurry.set()

    def connected_for(self) -> float:
        """For how many seconds the store has been in sight without a break; 0 while blind."""
        now = self._clock()
        if now - self._renewed_at > self.ttl / 2:
            return 0.0
        return now - self._connected_since

    def renewed_ago(self) -> float:
        """Seconds since the lease was renewed; infinite if it never was."""
        return self._clock() - self._renewed_at

    def identity_changed(self) -> None:
        """The store is not what it was: count the time in sight from now."""
        with self._lock:
            self._save(self.id, self._clock())

    def run(self) -> None:
        """Renew for ever: the thread's work."""
        reachable = True
        while True:
            try:
                self.renew()
                pause = self.ttl / 3
                if not reachable:
                    log.info("the lease is kept alive again")
                reachable = True
            except KVUnavailableError as error:
                pause = RETRY_SECONDS
                if reachable:
                    log.warning("cannot keep the lease alive: %s", error)
                reachable = False
            self.hurry.wait(pause)
            self.hurry.clear()

    def end(self) -> None:
        """Give the lease back: what is bound to it goes at once."""
        if self.id:
            self._store.revoke(self.id)

    def _resume(self) -> int:
        """The lease of a fleetd before this one, and what it knew."""
        with self._lock:
            lease, self._connected_since, self._renewed_at = _parsed(self._loaded())
        return lease

    def _loaded(self) -> str:
        try:
            return self._saved.load()
        except (OSError, UnicodeDecodeError) as error:
            log.error("the note of the lease cannot be read, taking a new one: %s", error)
            return ""

    def _note(self, lease: int, asked_at: float, is_new: bool) -> None:
        """Count from the request: the lease may be as old as that when the answer is here."""
        with self._lock:
            now = self._clock()
            blind = math.isfinite(self._renewed_at) and now - self._renewed_at > self.ttl / 2
            self._renewed_at = asked_at
            self._save(lease, now if is_new or blind else self._connected_since)

    def _save(self, lease: int, clear_since: float) -> None:
        """For the next fleetd, and for the fence. A full disk does not end the lease."""
        self._connected_since = clear_since
        try:
            self._saved.save(f"{lease:x} {clear_since} {self._renewed_at} {self.ttl}\n")
            self.unsaved = ""
        except OSError as error:
            self.unsaved = f"the lease cannot be noted: {error}"


def _parsed(text: str) -> tuple[int, float, float]:
    """The lease, since when the store was in sight, and when it was last renewed."""
    try:
        lease, clear_since, renewed_at, _ttl = text.split()
        return int(lease, 16), float(clear_since), float(renewed_at)
    except ValueError:
        return 0, math.inf, -math.inf
