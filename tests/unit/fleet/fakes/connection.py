"""One process's connection to etcd in memory, with the faults of a network."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from fleet_cluster.fleet.kv import (
    Changes,
    Condition,
    Delete,
    KVUnavailableError,
    Operation,
    Snapshot,
)
from tests.unit.fleet.fakes.clock import Gate, open_gate
from tests.unit.fleet.fakes.kv import MemoryKV, Watch

T = TypeVar("T")


class Connection:
    """A `KV`: one process's connection to etcd; it can break."""

    def __init__(
        self,
        store: MemoryKV,
        gate: Gate = open_gate,
        is_late: Callable[[Callable[[], object]], bool] = lambda _commit: False,
    ) -> None:
        """`is_late` may keep a commit back: it seems to fail, and whoever has it does it later."""
        self.up = True
        self.mute = False
        """Requests are lost on their way; watches deliver."""
        self.deaf = False
        """Requests arrive, answers do not."""
        self.gate = gate
        self._is_late = is_late
        self._etcd = store
        self._watches: list[Watch] = []
        self._lag: list[Callable[[], None]] | None = None
        self._delivered: deque[Callable[[], None]] = deque(maxlen=20)

    def cut(self) -> None:
        """No request gets through, and watches are lost."""
        self.up = False
        self.hang_up()

    @property
    def lags(self) -> bool:
        """Whether anything may be kept back."""
        return self._lag is not None

    def lag(self) -> None:
        """Keep back what the watches deliver, until `catch_up`."""
        self._lag = self._lag or []

    def catch_up(self) -> None:
        """Deliver what was kept back."""
        kept, self._lag = self._lag or [], None
        for deliver in kept:
            deliver()

    def repeat(self, changes: int) -> None:
        """Deliver the last changes again."""
        for deliver in list(self._delivered)[-changes:]:
            deliver()

    def hang_up(self) -> None:
        """Lose the watches, and what they have not delivered."""
        if self._lag:
            self._lag.clear()
        self._delivered.clear()
        for watching in self._watches:
            watching.lose()
        self._watches.clear()

    def read(self, prefix: str) -> Snapshot:
        return self._ask(f"read {prefix}", lambda: self._etcd.read(prefix))

    def get(self, keys: Collection[str]) -> Snapshot:
        return self._ask("get", lambda: self._etcd.get(keys))

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        verb = "delete" if all(isinstance(one, Delete) for one in operations) else "commit"
        point = f"{verb} {operations[0].key}"

        def commit() -> int:
            return self._etcd.commit(operations, *conditions)

        if self.up and not self.mute and self._is_late(commit):
            raise KVUnavailableError(f"no answer to {point}")
        return self._ask(point, commit)

    def watch(
        self,
        prefix: str,
        after: int,
        on_changes: Callable[[Changes], None],
        on_lost: Callable[[], None],
    ) -> Watch:
        self.gate(f"before watch {prefix}")
        watching = self._etcd.watch(prefix, after, self._lagging(on_changes), on_lost)
        self._watches = [*(each for each in self._watches if each.active), watching]
        if not self.up:
            watching.lose()
        return watching

    def grant(self, ttl: int) -> int:
        return self._ask("grant", lambda: self._etcd.grant(ttl))

    def keep_alive(self, lease: int) -> int:
        return self._ask("keep_alive", lambda: self._etcd.keep_alive(lease))

    def lease_age(self, lease: int) -> int:
        return self._ask("lease_age", lambda: self._etcd.lease_age(lease))

    def revoke(self, lease: int) -> None:
        self._ask("revoke", lambda: self._etcd.revoke(lease))

    def _lagging(self, on_changes: Callable[[Changes], None]) -> Callable[[Changes], None]:
        def deliver(changes: Changes) -> None:
            if self._lag is None:
                self._delivered.append(lambda: on_changes(changes))
                on_changes(changes)
            else:
                self._lag.append(lambda: deliver(changes))

        return deliver

    def _ask(self, point: str, request: Callable[[], T]) -> T:
        self.gate("before " + point)
        if not self.up or self.mute:
            raise KVUnavailableError("the line is cut")
        answer = request()
        if self.deaf:
            raise KVUnavailableError(f"no answer to {point}")
        self.gate("after " + point)
        return answer
