"""Hedged requests: a member that does not answer soon is waited for, and the next is asked as well.

For what may be done twice, as the renewal of a lease. A member that follows a leader which has just
died waits for that one's answer for as long as it is given; asked anew when there is another
leader, it answers at once.
"""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..kv import KVUnavailableError
from .member import Member
from .refusals import check_refusal, is_passing, unavailable
from .rpc_error import RpcError

T = TypeVar("T")

HEDGE_SECONDS = 0.5
"""After how long the next member is asked as well; each round over all members gives more. Nobody
is given up: a slow one may still be the one that answers."""

SILENT_SECONDS = 1.0
"""Who has said nothing for so long, when another has answered, is not to be asked first again."""


@dataclass
class _Call(Generic[T]):
    """A call in a thread of its own, which ends in time."""

    member: Member
    began: float
    outcome: T | RpcError | None = None
    """None while nothing has come."""


class Hedge(Generic[T]):
    """One request, asked of one member after the other until one answers."""

    def __init__(
        self, members: Sequence[Member], seconds: float, on_failed: Callable[[Member], None]
    ) -> None:
        """`seconds`: how long it may take. `on_failed`: told of who fails, or is silent."""
        self._members = members
        self._on_failed = on_failed
        self._end = time.monotonic() + seconds
        self._calls: list[_Call[T]] = []
        self._ended: queue.SimpleQueue[_Call[T]] = queue.SimpleQueue()
        self._said = unavailable(members[0].endpoint, "nothing")

    def ask(self, name: str, request: bytes, decode: Callable[[bytes], T]) -> T:
        """The first answer; calls that are under way then end by their own time.

        Raises:
            KVUnavailableError: there is none in time.
            KVRefusedError: the answer was no.
            LeaseLostError: the lease is not there.
        """
        for member in itertools.cycle(self._members):
            self._begin(member, name, request, decode)
            answer = self._answer()
            if answer is not None:
                return answer
            if time.monotonic() >= self._end:
                break
        self._tell_silent()
        raise KVUnavailableError(self._said)

    def _begin(
        self, member: Member, name: str, request: bytes, decode: Callable[[bytes], T]
    ) -> None:
        call = _Call[T](member, time.monotonic())
        # A little more than there is: that the time is over is no member's failure.
        seconds = self._end - call.began + HEDGE_SECONDS

        def run() -> None:
            try:
                call.outcome = member.call(name, request, decode, seconds)
            except RpcError as error:
                call.outcome = error
            self._ended.put(call)

        self._calls.append(call)
        threading.Thread(target=run, name="etcd-hedge", daemon=True).start()

    def _answer(self) -> T | None:
        """What comes before the next is to be asked: in the first round, also when one fails."""
        rounds = -(-len(self._calls) // len(self._members))
        until = min(self._end, time.monotonic() + HEDGE_SECONDS * rounds)
        while call := self._next(until):
            if not isinstance(call.outcome, RpcError):
                self._tell_silent(call.member)
                return call.outcome
            self._note_failure(call.member, call.outcome)
            if len(self._calls) < len(self._members):
                return None
        return None

    def _next(self, until: float) -> _Call[T] | None:
        try:
            return self._ended.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None

    def _note_failure(self, member: Member, error: RpcError) -> None:
        text = check_refusal(error)
        self._said = unavailable(member.endpoint, text)
        if not is_passing(text):
            self._on_failed(member)

    def _tell_silent(self, answering: Member | None = None) -> None:
        """Tell of the member that was asked first, if it has said nothing for long."""
        first = self._calls[0]
        is_silent = time.monotonic() - first.began >= SILENT_SECONDS and not first.outcome
        if is_silent and first.member is not answering:
            self._on_failed(first.member)
