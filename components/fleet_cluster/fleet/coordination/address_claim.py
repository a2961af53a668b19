"""The claim of an address, which is one machine: whoever had it before does not come back."""

import logging
import time
from collections.abc import Callable

from ..kv import KV, Condition, KeyValue, Operation, Put, Unchanged
from ..model.keys import address_key, eligibility_key, fault, machine_key
from ..model.record import BadRecordError
from ..model.records import Eligibility, MachineState

log = logging.getLogger(__name__)


class AddressClaim:
    """A claim in the store that this machine has its address, beyond the machine's lease."""

    def __init__(
        self, machine: MachineState, store: KV, wall_clock: Callable[[], float] = time.time
    ) -> None:
        """`wall_clock`: seconds since 1970."""
        self._machine = machine
        self._store = store
        self._wall_clock = wall_clock
        self._claimed = False

    def claim(self) -> None:
        """Take the address: to be done before the machine announces itself.

        A machine that had it was replaced by this one. Its lease ends, so that its units move at
        once, and a mark says that nothing is to be kept for it. Only a new fleetd takes it from
        another machine: two that have one address do not fight.

        Raises:
            KVUnavailableError: to be tried again.
        """
        if not self._machine.address:
            return
        key = address_key(self._machine.address)
        owner = self._store.get([key]).entries.get(key)
        if owner is None or (owner.value != self._machine.id and not self._claimed):
            operations: list[Operation] = [Put(key, self._machine.id)]
            conditions: list[Condition] = [Unchanged(key, owner.mod_revision if owner else 0)]
            if owner and self._end(owner.value):
                mark = Eligibility(removed=True, since=self._wall_clock())
                operations.append(Put(eligibility_key(owner.value), mark.to_json()))
                conditions.append(Unchanged(machine_key(owner.value), 0))
            # Refused when it announces itself again: it lives.
            self._store.commit(operations, *conditions)
        self._claimed = True

    def renew(self) -> None:
        """The store was emptied or restored: it may name a machine that was replaced long ago."""
        self._claimed = False

    def _end(self, machine: str) -> bool:
        """End the lease of a machine that had this address. Whether it did, to our knowledge."""
        key = machine_key(machine)
        if fault(key):
            return False
        record = self._store.get([key]).entries.get(key)
        if record is None:
            return True
        if not self._is_same(record):
            return False
        log.warning("this machine replaces %s, which had the same address", machine)
        self._store.revoke(record.lease)
        return True

    def _is_same(self, record: KeyValue) -> bool:
        try:
            return MachineState.from_json(record.value).address == self._machine.address
        except BadRecordError:
            return False
