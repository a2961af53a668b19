"""fleetd: one machine's part of the cluster. `python3 -m fleet.fleetd`.

One thread runs the loop; the threads of the store's watches, of D-Bus and of the lease only wake
it. Everything it decides is decided in `step`, from what store, systemd and clock say then.
"""

import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from .. import VERSION, config
from ..agent.agent import Agent
from ..agent.checkpoint import Checkpoint, UnsavedError
from ..agent.orders import Orders
from ..config import Config, ConfigError
from ..coordination import debounce
from ..coordination.address_claim import AddressClaim
from ..coordination.debounce import Debounce
from ..coordination.election import Election
from ..coordination.lease import Lease
from ..coordination.watch_cache import WatchCache
from ..engine.leader import Leader
from ..etcd.client import connect
from ..journal_log import about, log_to_journal
from ..kv import KV, KVUnavailableError, LeaseLostError, Put, Unchanged
from ..model.keys import CLUSTER, ORDERS, SCHEDULE, machine_key, metadata_key
from ..model.record import BadRecordError
from ..model.records import Cluster, MachineState, Metadata
from ..state_file import DiskFile, StateFile
from ..systemd.dbus import DBusSystemd
from ..systemd.manager import Systemd, SystemdError
from . import metrics_server
from .etcd_health import EtcdHealthMonitor
from .metrics import Metrics

log = logging.getLogger(__name__)

RUN_DIRECTORY = Path("/run/fleet")
MACHINE_ID = Path("/etc/machine-id")

RETRY_SECONDS = 0.5
"""The pause after the store or systemd failed."""

DISK_SECONDS = 2.0
"""The pause after something could not be written down."""

WATCHDOG_SECONDS = 20.0
"""systemd hears from the loop at least this often (see WatchdogSec in fleetd.service)."""

PAUSE_SECONDS = 0.05
"""The least time between two rounds: what happens in between is handled together."""


@dataclass(frozen=True)
class Environment:
    """What fleetd works with; tests give it others."""

    store: KV
    systemd: Systemd
    clock: Callable[[], float]
    """Seconds that also count while the machine is suspended."""
    lease_file: StateFile
    checkpoint_file: StateFile
    wake: Callable[[], None]
    wall_clock: Callable[[], float] = time.time
    """Seconds since 1970, for what people read; nothing is decided by them."""


class Fleetd:
    """The control loop of one machine."""

    def __init__(self, machine: MachineState, settings: Config, around: Environment) -> None:
        self.lease = Lease(
            around.store, settings.agent_ttl, around.clock, around.lease_file, around.wake
        )
        self.metrics = Metrics(around.clock, settings.agent_ttl, self.lease.renewed_ago)
        self.announced = False
        """Whether the machine is known to the cluster."""
        self._machine = machine
        self._configured = machine.metadata
        self._settings = settings
        self._around = around
        ledger = self._ledger = Checkpoint(around.checkpoint_file)
        self._agent = Agent(
            machine.id,
            around.store,
            around.systemd,
            ledger,
            self.lease.connected_for,
            settings.agent_ttl,
            self._shake,
            around.wall_clock,
        )
        self._orders = Orders(
            around.store, around.systemd, ledger, around.wall_clock, self._agent.files.as_written
        )
        self._address = AddressClaim(machine, around.store, around.wall_clock)
        self._election = Election(machine.id, around.store, around.clock, around.wake)
        self._leader: Leader | None = None
        self._cluster = WatchCache(around.store, CLUSTER, around.wake)
        self._schedule = WatchCache(around.store, f"{SCHEDULE}{machine.id}/", around.wake)
        self._given = WatchCache(around.store, f"{ORDERS}{machine.id}/", around.wake)
        self._own_key = WatchCache(around.store, machine_key(machine.id), around.wake)
        self._metadata = WatchCache(around.store, metadata_key(machine.id), around.wake)
        # A fleetd without a past cannot know whether the store is what it was.
        self._shaken = ledger.distrusts or not ledger.cluster
        self._restored = False
        self._burst = Debounce()
        self._full_at = 0.0
        self._troubles: dict[str, str] = {}
        around.systemd.subscribe(around.wake)

    def step(self) -> float:
        """One round: do all that can be done now.

        Returns:
            After how many seconds to call again even if nothing wakes the loop.
        """
        began = self._around.clock()
        try:
            seconds = self._round()
            self._note_trouble("the store", "")
            return seconds
        except LeaseLostError:
            self.lease.lost()
        except KVUnavailableError as error:
            trouble = f"the store is not available, units run on: {error}"
            self._note_trouble("the store", trouble)
            self.metrics.store_errors += 1
        finally:
            self.metrics.announced = self.announced
            self.metrics.leading = self._leader is not None
            self.metrics.units = self._agent.activity()
            self.metrics.note_round(self._around.clock() - began)
        return RETRY_SECONDS

    def _round(self) -> float:
        if self._burst.goes_on(self._recognise()):
            return debounce.SECONDS
        full = self._is_full_due()
        lease = self.lease.id
        due = [self._act(lease), self._lead(lease, full), self._watch_disk()]
        due.append(self._full_at - self._around.clock())
        return max(PAUSE_SECONDS, min(seconds for seconds in due if seconds))

    def _is_full_due(self) -> bool:
        if self._around.clock() < self._full_at:
            return False
        self._full_at = self._around.clock() + self._settings.reconcile_interval
        self._agent.resync()
        return True

    def _recognise(self) -> int:
        """See which store this is; give it an id if it has none, or if it was restored.

        Returns:
            How many of this machine's assignments have changed.
        """
        changed: set[str] = set()
        for mirror in (self._cluster, self._schedule):
            changed = mirror.refresh()
            cluster = self._cluster.entries.get(CLUSTER)
            self._restored |= self._agent.trust.check_identity(
                cluster, mirror.revision, mirror.fresh
            )
        self._shaken &= self.lease.connected_for() < self.lease.ttl or not self.announced
        if (self._restored or CLUSTER not in self._cluster.entries) and self._cluster.settled:
            self._name_store()
        return len(changed)

    def _name_store(self) -> None:
        """Give the store a new id, by which everybody learns that its data are others."""
        entry = self._cluster.entries.get(CLUSTER)
        unnamed = Unchanged(CLUSTER, entry.mod_revision if entry else 0)
        named = Put(CLUSTER, Cluster(os.urandom(16).hex()).to_json())
        self._cluster.expect(self._around.store.commit([named], unnamed))
        self._restored = False

    def _shake(self) -> None:
        """The store is not what it was: do not conclude anything from what it lacks."""
        self._shaken = True
        self.announced = False  # As far as is known; a round may end before it is looked up.
        self._address.renew()
        # A watch that begins after all that the store has now would stay silent.
        for mirror in (self._cluster, self._schedule, self._given, self._own_key):
            mirror.close()
        self._election.reset()
        self.lease.identity_changed()

    def _act(self, lease: int) -> float:
        """Reconcile this machine; a systemd that fails must not keep it from leading."""
        try:
            if self._own_key.refresh() - self._own_key.entries.keys():
                self._agent.resync()  # Who removed it may have removed the states as well.
            self._take_metadata()
            self.announced = self._is_announced(lease)
            self._given.refresh()
            if self.announced:
                self._orders.obey(self._given.entries)
            seconds = self._agent.reconcile(lease, self.announced, self._schedule.entries)
            if lease and not self.announced and self._own_key.settled:
                self._announce(lease)
            self._note_trouble("systemd", "")
            return seconds
        except UnsavedError:
            return DISK_SECONDS  # Told by `_watch_disk`.
        except (SystemdError, OSError) as error:
            self._note_trouble("systemd", f"systemd does not do as it should: {error}")
            return RETRY_SECONDS

    def _watch_disk(self) -> float:
        """Tell when nothing can be written down, and look again until it can.

        Then what could not be done for that is tried again at once.
        """
        around, before = self._around, self._troubles.get("the disk")
        unsaved = self._ledger.unsaved or self.lease.unsaved
        fault = unsaved or around.lease_file.crowded or around.checkpoint_file.crowded
        advice = "units run on, what is new cannot start; make room on /run of this machine"
        self._note_trouble("the disk", f"{fault}: {advice}" if fault else "")
        if before and not fault:
            self._agent.resync()
            return PAUSE_SECONDS
        return DISK_SECONDS if fault else 0.0

    def _take_metadata(self) -> None:
        """Be the machine that the operator says; without a record, as before."""
        self._metadata.refresh()
        entry = self._metadata.entries.get(metadata_key(self._machine.id))
        try:
            if entry:
                given = Metadata.from_json(entry.value).over(self._configured)
                self._machine = replace(self._machine, metadata=given)
            self._note_trouble("the metadata", "")
        except BadRecordError as error:
            self._note_trouble("the metadata", f"metadata that was set is no use: {error}")

    def _is_announced(self, lease: int) -> bool:
        entry = self._own_key.entries.get(machine_key(self._machine.id))
        if entry is None or not lease:
            return False
        return (entry.value, entry.lease) == (self._machine.to_json(), lease)

    def _announce(self, lease: int) -> None:
        """Put the machine's key, after the states of what it runs already."""
        self._address.claim()
        key, value = machine_key(self._machine.id), self._machine.to_json()
        if key not in self._own_key.entries:
            self.lease.identity_changed()  # What kept us from it, or removed it, may concern all machines.
        self._own_key.expect(self._around.store.commit([Put(key, value, lease)]))
        what = about("announced")
        log.info("announced as %s, address %s", self._machine.id, self._machine.address, extra=what)

    def _lead(self, lease: int, full: bool) -> float:
        if self._leader and self._leader.uncertain:
            self._election.resign(self._leader.term)
        blind = self.lease.connected_for() < self.lease.ttl
        term = self._election.term(lease, yields=blind)
        if self._leader and self._leader.term != term:
            log.info("no longer leading", extra=about("resigned"))
            self._leader.close()
            self._leader = None
        if term and not self._leader:
            log.info("leading since revision %d", term, extra=about("leading", revision=term))
            around = self._around
            self._leader = Leader(
                term, around.store, self.lease, around.clock, around.wake, around.wall_clock
            )
            self._leader.count = self.metrics.decisions.update
        if self._leader:
            return self._leader.reconcile(self._shaken, full)
        return self._election.pause

    def _note_trouble(self, source: str, trouble: str) -> None:
        """Log once when something fails, and once when it works again."""
        before = self._troubles.get(source, "")
        if trouble and not before:
            log.warning(trouble, extra=about("trouble"))
        elif before and not trouble:
            log.info("%s works again", source, extra=about("recovered"))
        self._troubles[source] = trouble
        self.metrics.troubles = dict(self._troubles)


def run(fleetd: Fleetd, systemd: Systemd, wake: threading.Event) -> None:
    """Loop until SIGTERM. Units run on, unless the machine itself goes down."""
    threading.Thread(target=fleetd.lease.run, name="lease", daemon=True).start()
    try:
        while True:
            began = time.monotonic()
            seconds = fleetd.step()
            _notify("WATCHDOG=1\nREADY=1" if fleetd.announced else "WATCHDOG=1")
            took = time.monotonic() - began
            wake.wait(min(seconds, WATCHDOG_SECONDS))
            # Work at most half of the time, and handle together what happens meanwhile.
            time.sleep(max(0.0, began + max(PAUSE_SECONDS, 2 * took) - time.monotonic()))
            wake.clear()
    finally:
        if systemd.stopping():
            log.info("the machine goes down: its units may run elsewhere", extra=about("shutdown"))
            fleetd.lease.end()


def main() -> None:
    """Start fleetd with the machine's configuration."""
    try:
        log_to_journal(_machine_id())
        settings = config.read()
        store = connect(
            settings.endpoints,
            settings.ca_file,
            settings.cert_file,
            settings.key_file,
            here=settings.public_ip,
        )
        machine = MachineState(
            id=_machine_id(),
            address=settings.public_ip,
            hostname=socket.gethostname(),
            metadata=settings.metadata,
            version=VERSION,
        )
    except (ConfigError, OSError) as error:
        sys.exit(f"fleetd cannot start: {error}")
    signal.signal(signal.SIGTERM, _exit)
    threading.excepthook = _die
    wake = threading.Event()
    systemd = DBusSystemd()
    around = Environment(
        store=store,
        systemd=systemd,
        clock=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        lease_file=DiskFile(RUN_DIRECTORY / "lease"),
        checkpoint_file=DiskFile(RUN_DIRECTORY / "agent.json"),
        wake=wake.set,
    )
    fleetd = Fleetd(machine, settings, around)
    checkup = EtcdHealthMonitor(settings, store, fleetd.metrics)
    threading.Thread(target=checkup.run, name="checkup", daemon=True).start()
    metrics_server.start(settings.metrics_address, fleetd.metrics)
    run(fleetd, systemd, wake)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    # At any point: whatever was under way is found half done by the next fleetd.
    raise SystemExit(0)


def _die(args: threading.ExceptHookArgs) -> None:
    """A thread that has failed takes fleetd with it: systemd starts it again, whole."""
    sys.excepthook(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
    sys.stderr.flush()
    os._exit(1)


def _machine_id() -> str:
    id = MACHINE_ID.read_text().strip()
    if not re.fullmatch("[0-9a-f]{32}", id):
        raise ConfigError(f"{MACHINE_ID} has no machine id (32 hexadecimal digits) but {id!r}")
    return id


def _notify(state: str) -> None:
    """Tell systemd (sd_notify); no-op when it did not start us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
            channel.sendall(state.encode())
