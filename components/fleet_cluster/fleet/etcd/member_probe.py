"""A probe of etcd's members: how each of them does, asked when somebody wants to know."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from threading import Event

from . import health

SECONDS = 15.0
"""How long it waits to be asked, before it shows that it does, and waits again."""

LEARNER = "it is a learner yet: it has no vote"


class MemberProbe:
    """A probe beside the loop, which must not wait for a member that does not answer."""

    def __init__(
        self,
        endpoints: Sequence[str],
        context: Callable[[], ssl.SSLContext | None],
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        """`context` may raise OSError: there is no certificate to ask with."""
        self._endpoints = endpoints
        self._context = context
        self._clock = clock
        self._wake = wake
        self._is_asked = Event()
        self._began_at = float("-inf")
        self._found: Mapping[str, str] = {}

    def ask(self, since: float) -> Mapping[str, str] | None:
        """What is wrong with each member, by "address:port", empty when nothing is.

        By a look that began at `since` or later; none as long as there was no such look. It begins
        then, and the loop is woken when it has ended.
        """
        found, began_at = self._found, self._began_at
        if began_at >= since:
            return found
        self._is_asked.set()
        return None

    def wait(self, seconds: float) -> None:
        """Wait until it is asked, and no longer than this."""
        self._is_asked.wait(seconds)

    def serve(self) -> None:
        """Look if it is asked."""
        if self._is_asked.is_set():
            self._is_asked.clear()
            self.look()
            self._wake()

    def look(self) -> None:
        """Look once."""
        began_at = self._clock()
        found = {member: self._of(member) for member in self._endpoints}
        # In this order: who sees the time sees the answer that belongs to it, or a later one.
        self._found = found
        self._began_at = began_at

    def _of(self, member: str) -> str:
        try:
            secured_by = self._context()
            return health.ask(member, secured_by) or self._vote(member, secured_by)
        except OSError as error:
            return f"it does not answer ({error})"

    def _vote(self, member: str, secured_by: ssl.SSLContext | None) -> str:
        return LEARNER if health.is_learner(member, secured_by) else ""
