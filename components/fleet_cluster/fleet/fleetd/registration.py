"""The machine's registration: its record under `machines/`, with metadata set at run time.

Two machines may have one id, as clones of one disk do. The first that announces itself has it, for
as long as its lease lives; the other runs nothing new, reports nothing, does not lead, and tells.
"""

import logging
from dataclasses import replace

from ..coordination.address_claim import AddressClaim
from ..coordination.lease import Lease
from ..coordination.watch_cache import WatchCache
from ..journal_log import about
from ..kv import Delete, Operation, Put, Unchanged
from ..model.keys import duplicate_key, machine_key, metadata_key
from ..model.record import BadRecordError
from ..model.records import MachineState, Metadata
from .environment import Environment
from .metrics import Metrics
from .troubles import Troubles

log = logging.getLogger(__name__)


class Registration:
    """A registration announces the machine to the cluster, on its lease, as it is now."""

    def __init__(
        self,
        machine: MachineState,
        environment: Environment,
        lease: Lease,
        troubles: Troubles,
        metrics: Metrics,
    ) -> None:
        """`machine`: as it is configured."""
        self.announced = False
        """Whether the machine is known to the cluster."""
        self.twin = ""
        """The address of another machine that is announced by this one's id; empty if none is."""
        self._told_on = 0
        """The lease on which list-machines is told of this machine; 0 if it is not."""
        self._machine = machine
        self._configured = machine.metadata
        self._environment = environment
        self._certificates = environment.certificates
        self._store = environment.store
        self._lease = lease
        self._troubles = troubles
        self._metrics = metrics
        self._address = AddressClaim(machine, environment.store, environment.wall_clock)
        self._own_key = WatchCache(environment.store, machine_key(machine.id), environment.wake)
        self._metadata = WatchCache(environment.store, metadata_key(machine.id), environment.wake)

    def refresh(self, lease: int) -> bool:
        """See whether the machine is announced on this lease. Whether its record was removed."""
        was_removed = bool(self._own_key.refresh() - self._own_key.entries.keys())
        self._take_metadata()
        self._machine = replace(
            self._machine,
            certificate_ends=self._certificates.ending,
            etcd=self._etcd_version(),
            reboot_required=self._environment.is_reboot_required(),
        )
        self._metrics.reboot_required = self._machine.reboot_required
        self.announced = self._is_announced(lease)
        self.twin = self._twin(lease)
        self._troubles.note("the machine's id", self._advice() if self.twin else "")
        return was_removed

    def _etcd_version(self) -> str:
        """Until this machine's member has answered, what was announced before fleetd started."""
        entry = self._own_key.entries.get(machine_key(self._machine.id))
        if self._metrics.etcd_version is not None or entry is None:
            return self._metrics.etcd_version or ""
        try:
            return MachineState.from_json(entry.value).etcd
        except BadRecordError:
            return ""

    def announce(self, lease: int) -> None:
        """Put the machine's key, after the states of what it runs already.

        If it has come or changed meanwhile, another machine may have the id: look again.
        """
        if not lease or self.announced or not self._own_key.settled:
            return
        if self.twin:
            self._tell_of_twin(lease)
            return
        self._address.claim()
        key, value = machine_key(self._machine.id), self._machine.to_json()
        if key not in self._own_key.entries:
            # What kept us from it, or removed it, may concern all machines.
            self._lease.identity_changed()
        entry = self._own_key.entries.get(key)
        unchanged = Unchanged(key, entry.mod_revision if entry else 0)
        operations: list[Operation] = [Put(key, value, lease)]
        if self._told_on:
            operations.append(Delete(self._duplicate_key()))
        revision = self._store.commit(operations, unchanged)
        if not revision:
            return
        self._told_on = 0
        self._own_key.expect(revision)
        what = about("announced")
        log.info("announced as %s, address %s", self._machine.id, self._machine.address, extra=what)

    def tell(self, trouble: str, lease: int) -> None:
        """Have the record say what does not work; at once, if the machine is announced."""
        was_announced, self._machine = self.announced, replace(self._machine, trouble=trouble)
        self.announced = self._is_announced(lease)
        if was_announced:
            self.announce(lease)

    def _twin(self, lease: int) -> str:
        """See `twin`. A record of this address is our own, from before a boot, whatever its lease.

        One that is on no lease, or that cannot be read, nobody has announced.
        """
        entry = self._own_key.entries.get(machine_key(self._machine.id))
        if entry is None or not lease or entry.lease in (0, lease):
            return ""
        try:
            other = MachineState.from_json(entry.value)
        except BadRecordError:
            return ""
        return "" if _place(other) == _place(self._machine) else _place(other)

    def _advice(self) -> str:
        return (
            f"another machine, {self.twin}, is announced with this one's id, {self._machine.id}: "
            "what runs here runs on, and nothing new starts here. Give this machine an id of its "
            "own: remove /etc/machine-id, run systemd-machine-id-setup, and reboot; or make it anew"
        )

    def _tell_of_twin(self, lease: int) -> None:
        """Let list-machines tell of this machine, as long as its lease lives."""
        if self._told_on != lease:
            self._store.commit([Put(self._duplicate_key(), self._machine.to_json(), lease)])
            self._told_on = lease

    def _duplicate_key(self) -> str:
        return duplicate_key(self._machine.id, _place(self._machine))

    def reset(self) -> None:
        """The store is not what it was: look up anew what it has of this machine."""
        self.announced = False  # As far as is known; a round may end before it is looked up.
        self._told_on = 0
        self._address.renew()
        self._own_key.close()

    def _take_metadata(self) -> None:
        """Be the machine that the operator says; without a record, as before."""
        self._metadata.refresh()
        entry = self._metadata.entries.get(metadata_key(self._machine.id))
        try:
            if entry:
                metadata = Metadata.from_json(entry.value).over(self._configured)
                self._machine = replace(self._machine, metadata=metadata)
            self._troubles.note("the metadata", "")
        except BadRecordError as error:
            self._troubles.note("the metadata", f"metadata that was set is no use: {error}")

    def _is_announced(self, lease: int) -> bool:
        entry = self._own_key.entries.get(machine_key(self._machine.id))
        if entry is None or not lease:
            return False
        return (entry.value, entry.lease) == (self._machine.to_json(), lease)


def _place(machine: MachineState) -> str:
    """What tells two machines with one id apart."""
    return machine.address or machine.hostname
