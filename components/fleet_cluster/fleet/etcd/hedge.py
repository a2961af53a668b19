"""Hedged requests: a member that does not answer soon is waited for, and the next is asked as well.

For what may be done twice, as the renewal of a lease. A member that follows a leader which has just
died waits for that one's answer for as long as it is given; asked anew when there is another
leader, it answers at once.
"""

import itertools
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from ..kv import KVUnavailableError
from .member import Member, Patience
from .refusals import check_refusal, is_passing, unavailable

HEDGE_SECONDS = 0.5
"""After how long the next member is asked as well; each round over all members gives more. Nobody
is given up: a slow one may still be the one that answers."""

MOST_CALLS = 2
"""How many calls wait for one member: a crowd of machines waits for one that returns."""

SILENT_SECONDS = 1.0
"""Who has said nothing for so long, when another has answered, is not to be asked first again."""


@dataclass(frozen=True)
class _Call:
    member: Member
    began: float
    future: Any


class Hedge:
    """One request, asked of one member after the other until one answers."""

    def __init__(
        self, members: Sequence[Member], seconds: float, on_failed: Callable[[Member], None]
    ) -> None:
        """`seconds`: how long it may take. `on_failed`: told of who fails, or is silent."""
        self._members = members
        self._on_failed = on_failed
        self._end = time.monotonic() + seconds
        self._calls: list[_Call] = []
        self._ended: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._said = unavailable(members[0].endpoint, "nothing")

    def ask(self, name: str, request: Any) -> Any:
        """The first answer.

        Raises:
            KVUnavailableError: there is none in time.
            KVRefusedError: the answer was no.
            LeaseLostError: the lease is not there.
        """
        try:
            for member in itertools.cycle(self._members):
                self._begin(member, name, request)
                if call := self._answered():
                    self._tell_silent(call.member)
                    return call.future.result()
                if time.monotonic() >= self._end:
                    self._tell_silent()
                    raise KVUnavailableError(self._said)
        finally:
            for call in self._calls:
                call.future.cancel()

    def _begin(self, member: Member, name: str, request: Any) -> None:
        # The first round asks who is there; from then on a member may take time to return.
        returns = len(self._calls) >= len(self._members)
        # A little more than there is: that the time is over is no member's failure.
        seconds = self._end - time.monotonic() + HEDGE_SECONDS
        future = member.begin(name, request, Patience(seconds, connect=returns))
        call = _Call(member, time.monotonic(), future)

        def on_end(_future: object) -> None:
            if not future.cancelled():
                self._ended.put(call)

        self._calls.append(call)
        future.add_done_callback(on_end)
        for old in [one for one in self._calls if one.member is member][:-MOST_CALLS]:
            old.future.cancel()

    def _answered(self) -> _Call | None:
        """Who answers before the next is to be asked: in the first round, also when one fails."""
        rounds = -(-len(self._calls) // len(self._members))
        until = min(self._end, time.monotonic() + HEDGE_SECONDS * rounds)
        while call := self._next(until):
            if call.future.code() is grpc.StatusCode.OK:
                return call
            self._note_failure(call)
            if len(self._calls) < len(self._members):
                return None
        return None

    def _next(self, until: float) -> _Call | None:
        try:
            return self._ended.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None

    def _note_failure(self, call: _Call) -> None:
        text = check_refusal(call.future)
        self._said = unavailable(call.member.endpoint, text)
        if not is_passing(text):
            self._on_failed(call.member)

    def _tell_silent(self, answering: Member | None = None) -> None:
        """Tell of the member that was asked first, if it has said nothing for long."""
        first = self._calls[0]
        is_silent = time.monotonic() - first.began >= SILENT_SECONDS and not first.future.done()
        if is_silent and first.member is not answering:
            self._on_failed(first.member)
