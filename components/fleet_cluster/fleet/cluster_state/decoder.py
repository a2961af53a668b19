"""The decoder of the records under `/fleet/`: the same for fleet's leader and for fleetctl."""

from collections.abc import Callable, Collection, Mapping
from sys import intern
from typing import Any

from ..kv import KeyValue
from ..model import keys
from ..model.printable import printable
from ..model.reboots import RebootLock, RebootRequest
from ..model.record import BadRecordError
from ..model.records import Assignment, Eligibility, MachineState, Move, Order, Unit, UnitState
from ..model.releases import Canary, Release
from ..model.runs import Run, RunReport, Timer
from ..model.secrets import Delivery, Recipient, SecretVersion
from ..model.service_records import ServiceRecord

Place = tuple[str, str]
"""A machine's id and a unit's name."""
Warn = Callable[[str], None]


def ignore(_warning: str) -> None:
    """Pass over a warning: someone else gives it."""


class DecodedRecords:
    """Records under `/fleet/`, kept up to date key by key.

    What cannot be decoded is left out, as if it were not there, and warned of once.
    """

    def __init__(self, warn: Warn = ignore) -> None:
        """`warn` is told, in a line each, what is left out."""
        self.entries: Mapping[str, KeyValue] = {}
        self.revision = 0
        self.units: dict[str, Unit] = {}
        self.files: dict[str, str] = {}
        """SHA-256 to text."""
        self.machines: dict[str, MachineState] = {}
        """Those that are alive."""
        self.eligibility: dict[str, Eligibility] = {}
        """By machine."""
        self.moves: dict[str, Move] = {}
        """By unit."""
        self.metadata: dict[str, str] = {}
        """By machine, what was set at run time, as it is stored: the machine itself reads it."""
        self.releases: dict[str, Release] = {}
        """By unit and revision: "web@.service/3"."""
        self.canaries: dict[str, Canary] = {}
        """Those that are pending, by unit or template."""
        self.runs: dict[str, Run] = {}
        """By unit and id: "nightly.service/1764442800"."""
        self.timers: dict[str, Timer] = {}
        """Those with `Once=true`."""
        self.run_reports: dict[str, dict[str, RunReport]] = {}
        """By unit and id, then by machine: that of the machine which has the run counts."""
        self.secrets: dict[str, SecretVersion] = {}
        """By name and version: "db-password/2-9f3c"."""
        self.recipients: dict[str, Recipient] = {}
        """Members of etcd that secrets are sealed to, by machine."""
        self.deliveries: dict[str, dict[str, Delivery]] = {}
        """By name and version of the secret, then by the machine that can open it."""
        self.names: dict[str, ServiceRecord] = {}
        """Where services are, by what follows the prefix of their keys."""
        self.schedule: dict[str, dict[str, Assignment]] = {}
        """By unit, then by machine; also the assignments that tell a machine to stop the unit."""
        self.states: dict[str, dict[str, UnitState]] = {}
        """By unit, then by machine."""
        self.orders: dict[str, dict[str, Order]] = {}
        """By unit, then by machine."""
        self.reboots: dict[str, RebootRequest] = {}
        """By machine."""
        self.reboot_locks: dict[str, RebootLock] = {}
        """The one lock, by the empty text, where it is held."""
        self.duplicates: dict[str, dict[str, MachineState]] = {}
        """By address, then by the id that another machine has: those that run nothing new."""
        self.orphans: set[Place] = set()
        """The states that are of orphans."""
        self.warn = warn
        self._malformed: dict[str, str] = {}

    def update(
        self, changed: Collection[str], entries: Mapping[str, KeyValue], revision: int = 0
    ) -> set[str]:
        """Decode what is at the `changed` keys now; `entries` are all, as of `revision`.

        Returns:
            The prefixes of these keys (`/fleet/units/`), or the keys that have none.
        """
        self.entries, self.revision = entries, revision
        prefixes: set[str] = set()
        for key in changed:
            prefix = key[: key.find("/", len(keys.ROOT)) + 1] or key
            prefixes.add(prefix)
            if prefix in _BY_ID:
                self._put(prefix, key, entries.get(key))
            elif prefix in _BY_PLACE:
                self._put_at_place(prefix, key, entries.get(key))
        return prefixes

    @property
    def reboot_lock(self) -> RebootLock | None:
        """The lock of reboots; none while no machine's turn is."""
        return self.reboot_locks.get("")

    def mod_revision(self, key: str) -> int:
        """The revision that last changed the key, for a condition; 0 when there is no such key."""
        entry = self.entries.get(key)
        return entry.mod_revision if entry else 0

    def _put(self, prefix: str, key: str, entry: KeyValue | None) -> None:
        name, decode = _BY_ID[prefix]
        table, id = getattr(self, name), intern(key.removeprefix(prefix))
        record = self._decoded(decode, key, entry)
        if record is None:
            table.pop(id, None)
        else:
            table[id] = record

    def _put_at_place(self, prefix: str, key: str, entry: KeyValue | None) -> None:
        name, decode = _BY_PLACE[prefix]
        table, (machine, unit) = getattr(self, name), map(intern, keys.split_key(key, prefix))
        record = self._decoded(decode, key, entry)
        if record is not None:
            table.setdefault(unit, {})[machine] = record
        elif unit in table:
            table[unit].pop(machine, None)
            if not table[unit]:
                del table[unit]
        if prefix == keys.STATES:
            (self.orphans.add if record and record.orphan else self.orphans.discard)(
                (machine, unit)
            )

    def _decoded(self, decode: Callable[[str], Any], key: str, entry: KeyValue | None) -> Any:
        value = entry.value if entry else None
        if self._malformed and self._malformed.get(key) != value:
            self._malformed.pop(key, None)
        if value is None:
            return None
        try:
            return self._usable(key, decode(value))
        except BadRecordError as error:
            if key not in self._malformed:
                self._malformed[key] = value
                self.warn(f"{printable(key)} cannot be used: {error}")
            return None

    def _usable(self, key: str, record: Any) -> Any:
        """The record, if it belongs to its key, and nobody stumbles over that."""
        if fault := keys.fault(key):
            raise BadRecordError(fault)
        is_machine = isinstance(record, MachineState) and key.startswith(keys.MACHINES)
        if is_machine and keys.machine_key(record.id) != key:
            raise BadRecordError(f"it is the record of another machine, {record.id}")
        return record


_BY_ID: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    keys.UNITS: ("units", Unit.from_json),
    keys.FILES: ("files", str),
    keys.MACHINES: ("machines", MachineState.from_json),
    keys.ELIGIBILITY: ("eligibility", Eligibility.from_json),
    keys.MOVES: ("moves", Move.from_json),
    keys.METADATA: ("metadata", str),
    keys.REBOOTS: ("reboots", RebootRequest.from_json),
    keys.REBOOT_LOCK: ("reboot_locks", RebootLock.from_json),
    keys.RELEASES: ("releases", Release.from_json),
    keys.CANARIES: ("canaries", Canary.from_json),
    keys.RUNS: ("runs", Run.from_json),
    keys.TIMERS: ("timers", Timer.from_json),
    keys.SECRETS: ("secrets", SecretVersion.from_json),
    keys.RECIPIENTS: ("recipients", Recipient.from_json),
    keys.INTERNAL: ("names", ServiceRecord.from_json),
}

_BY_PLACE: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    keys.SCHEDULE: ("schedule", Assignment.from_json),
    keys.STATES: ("states", UnitState.from_json),
    keys.ORDERS: ("orders", Order.from_json),
    keys.DUPLICATES: ("duplicates", MachineState.from_json),
    keys.RUN_REPORTS: ("run_reports", RunReport.from_json),
    keys.CREDENTIALS: ("deliveries", Delivery.from_json),
}
