"""The loop of fleetd, one machine's part of the cluster.

One thread runs it; the threads of the store's watches, of D-Bus and of the lease only wake it.
Everything it decides is decided in `step`, from what store, systemd and clock say then.
"""

import logging
import math
import os

from ..agent.agent import Agent
from ..agent.checkpoint import Checkpoint, UnsavedError
from ..agent.runs.requests import Requests
from ..config import Config
from ..coordination import debounce
from ..coordination.debounce import Debounce
from ..coordination.election import Election
from ..coordination.lease import Lease
from ..coordination.watch_cache import WatchCache
from ..engine import loading
from ..engine.sealing import Sealing
from ..journal_log import about
from ..kv import KVForbiddenError, KVUnavailableError, LeaseLostError, Put, Unchanged
from ..model.keys import CLUSTER, CREDENTIALS, SCHEDULE
from ..model.layout import newer_layout
from ..model.records import Cluster, MachineState
from ..systemd.manager import SystemdError
from .condition import Condition
from .environment import Environment
from .metrics import Metrics
from .registration import Registration
from .restraint import Restraint
from .troubles import Troubles, of_layout, of_store

log = logging.getLogger(__name__)
RETRY_SECONDS = 0.5
"""The pause after systemd failed."""
DISK_SECONDS = 2.0
"""The pause after something could not be written down."""
MOST_FAILURES = 3
"""A leader that has failed so often in a row, with nobody having foreseen it, resigns."""
PAUSE_SECONDS = 0.05
"""The least time between two rounds: what happens in between is handled together."""


class Fleetd:
    """The control loop of one machine."""

    def __init__(self, machine: MachineState, settings: Config, environment: Environment) -> None:
        store, systemd, wake = environment.store, environment.systemd, environment.wake
        clock, chance = environment.clock, environment.chance
        self.lease = Lease(store, settings.agent_ttl, clock, environment.lease_file, wake, chance)
        ago, certificates = self.lease.renewed_ago, environment.certificates
        self.metrics = Metrics(clock, settings.agent_ttl, ago, certificates=certificates)
        self._settings = settings
        self._environment = environment
        self._troubles = Troubles(self.metrics)
        self._registration = Registration(
            machine, environment, self.lease, self._troubles, self.metrics
        )
        self._condition = Condition(environment, self._troubles, self._registration, self.metrics)
        self._checkpoint = Checkpoint(environment.checkpoint_file)
        own = (machine.id, store, systemd, self._checkpoint)
        trusting = (self.lease.connected_for, settings.agent_ttl, self._on_identity_changed)
        secrets = environment.credentials, machine.public_key
        self._agent = Agent(*own, *trusting, clock, environment.wall_clock, *secrets)
        as_written = self._agent.files.as_written
        given = *own[1:], as_written, wake, environment.wall_clock, environment.reboot
        self._requests = Requests(machine, *given)
        stands = not settings.is_worker
        self._election = Election(machine.id, store, clock, wake, chance, stands, loading.load)
        self._sealing = Sealing(machine, store, environment.sealer, wake, is_member=stands)
        self._leader: loading.Leader | None = None
        self._failures = 0  # How often leading has failed since it last did not.
        self._cluster = WatchCache(store, CLUSTER, wake)
        self._schedule = WatchCache(store, f"{SCHEDULE}{machine.id}/", wake)
        self._credentials = WatchCache(store, f"{CREDENTIALS}{machine.id}/", wake)
        # A fleetd without a past cannot know whether the store is what it was.
        self._identity_changed = self._checkpoint.distrusts or not self._checkpoint.cluster
        self._restored = False
        self._debounce = Debounce()
        self._full_at = 0.0
        self._restraint = Restraint(clock, chance)
        systemd.subscribe(wake)

    @property
    def announced(self) -> bool:
        """Whether the machine is known to the cluster."""
        return self._registration.announced

    @property
    def ready(self) -> bool:
        """Whether the machine is known, or it is known why it will not be."""
        return self.announced or bool(self._registration.twin)

    def step(self) -> float:
        """One round: do all that can be done now.

        Returns:
            After how many seconds to call again even if nothing wakes the loop.
        """
        began = self._environment.clock()
        if left := self._restraint.left(self._cluster.interrupted):
            return left
        try:
            seconds = self._troubles.attempt("the round", self._round, self._begin_all_anew)
            self._troubles.note("the store", "")
            self._restraint.succeeded()
            self.lease.is_void = False
            return seconds
        except LeaseLostError:
            self.lease.lost()
        except KVUnavailableError as error:
            self._troubles.note("the store", of_store(error))
            self.lease.is_void = isinstance(error, KVForbiddenError) and not self.announced
            self.metrics.store_errors += 1
            return self._restraint.failed(error)
        finally:
            self._measure(began)
        return RETRY_SECONDS

    def _measure(self, began: float) -> None:
        self.metrics.announced = self.announced
        self.metrics.leading = self._leader is not None
        self.metrics.unplaced = self._leader.unplaced if self._leader else None
        self.metrics.units = self._agent.activity()
        self.metrics.flapping = self._agent.flapping()
        self.metrics.note_round(self._environment.clock() - began)

    def _round(self) -> float:
        self._refresh(self._cluster)
        if self._is_layout_newer():
            return self._stand_by()
        changed = self._refresh(self._schedule)
        if self._refresh(self._credentials):
            self._agent.retry()
        self._check_identity()
        if self._debounce.goes_on(len(changed)):
            return debounce.SECONDS
        full = self._is_full_due()
        lease = self.lease.id
        self._troubles.note("the round", "")
        due = [
            self._troubles.attempt("what runs here", lambda: self._act(lease), self._act_anew),
            self._troubles.attempt("leading", lambda: self._lead(lease, full), self._lead_anew),
            self._troubles.attempt("secrets", self._sealing.reconcile, self._sealing.close),
            self._watch_disk(),
            self._condition.tell(lease),
            self._full_at - self._environment.clock(),
        ]
        return max(PAUSE_SECONDS, min(seconds for seconds in due if seconds))

    def _is_full_due(self) -> bool:
        if self._environment.clock() < self._full_at:
            return False
        self._full_at = self._environment.clock() + self._settings.reconcile_interval
        self._agent.resync()
        return True

    def _refresh(self, cache: WatchCache) -> set[str]:
        """Refresh a cache, and see which store this is. The keys that have changed."""
        changed = cache.refresh()
        cluster, trust = self._cluster.entries.get(CLUSTER), self._agent.trust
        self._restored |= trust.check_identity(cluster, cache.revision, cache.fresh)
        return changed

    def _is_layout_newer(self) -> bool:
        entry = self._cluster.entries.get(CLUSTER)
        layout = newer_layout(entry.value if entry else "")
        self._troubles.note("the layout", of_layout(layout))
        return layout > 0

    def _stand_by(self) -> float:
        """Do nothing but keep the lease: what records of a newer layout mean is not known."""
        self._stop_leading()
        self._election.withdraw()
        return self._settings.reconcile_interval

    def _check_identity(self) -> None:
        """Give the store an id if it has none, or if it was restored; a worker may not."""
        self._identity_changed &= not (self.lease.is_steady() and self.announced)
        is_unnamed = self._restored or CLUSTER not in self._cluster.entries
        if is_unnamed and self._cluster.settled and self._election.stands:
            self._write_identity()

    def _write_identity(self) -> None:
        """Give the store a new id, by which everybody learns that its data are others."""
        entry = self._cluster.entries.get(CLUSTER)
        unnamed = Unchanged(CLUSTER, entry.mod_revision if entry else 0)
        named = Put(CLUSTER, Cluster(os.urandom(16).hex()).to_json())
        self._cluster.expect(self._environment.store.commit([named], unnamed))
        self._restored = False

    def _on_identity_changed(self) -> None:
        """The store is not what it was: do not conclude anything from what it lacks."""
        self._identity_changed = True
        self._registration.reset()
        self._close_caches()
        self._election.reset()
        self.lease.identity_changed()

    def _close_caches(self) -> None:
        # A watch that begins after all that the store has now would stay silent.
        own = self._cluster, self._schedule, self._credentials
        for cache in (*own, self._requests, self._sealing):
            cache.close()

    def _act(self, lease: int) -> float:
        """Reconcile this machine; a systemd that fails must not keep it from leading."""
        try:
            if self._registration.refresh(lease):
                self._agent.resync()  # Who removed its record may have removed the states as well.
            self._condition.watch()
            self._condition.tell(lease)
            self._requests.follow(self.announced, self._refresh)
            self.metrics.reboot = self._requests.reboot.hanging
            self._troubles.note("the reboot", self._requests.reboot.fault)
            # By this id another machine reports, if there is one.
            reports_on = 0 if self._registration.twin else lease
            given = self.announced, self._schedule.entries, self._requests.running
            seconds = self._agent.reconcile(reports_on, *given)
            self._registration.announce(lease)
            self._troubles.note("systemd", "")
            self._troubles.note("what runs here", "")
            return seconds
        except UnsavedError:
            return DISK_SECONDS  # Told by `_watch_disk`.
        except (SystemdError, OSError) as error:
            self._troubles.note("systemd", f"systemd does not do as it should: {error}")
            return RETRY_SECONDS

    def _act_anew(self) -> None:
        """Nothing is known of how far it came: look at everything again."""
        self._close_caches()
        self._agent.resync()

    def _watch_disk(self) -> float:
        """Tell when nothing can be written down, and look again until it can.

        Then what could not be done for that is tried again at once.
        """
        files = self._environment.lease_file, self._environment.checkpoint_file
        before = self._troubles.of("the disk")
        crowded = files[0].crowded or files[1].crowded
        fault = self._checkpoint.unsaved or self.lease.unsaved or crowded
        advice = "units run on, what is new cannot start; make room on /run of this machine"
        self._troubles.note("the disk", f"{fault}: {advice}" if fault else "")
        if before and not fault:
            self._agent.resync()
            return PAUSE_SECONDS
        return DISK_SECONDS if fault else 0.0

    def _lead(self, lease: int, full: bool) -> float:
        if self._registration.twin:
            self._stop_leading()
            return 0.0
        if self._leader and self._leader.uncertain:
            self._election.resign(self._leader.term)
        idle = math.inf if self._failures >= MOST_FAILURES else self.lease.steady_in()
        term = self._election.term(lease, idle)
        if self._leader and self._leader.term != term:
            self._stop_leading()
        if term and not self._leader:
            self._leader = self._start_leading(term)
        seconds = self._election.pause
        if self._leader:
            seconds = self._leader.reconcile(self._identity_changed, full)
            self._failures = 0
        self._troubles.note("secrets", self._leader.deliveries.trouble if self._leader else "")
        if self._leader or not self._election.is_vacant:
            self._troubles.note("leading", "")
        return seconds

    def _lead_anew(self) -> None:
        """Begin this term anew; a leader that fails again and again leaves it to another."""
        leader = self._leader
        self._failures += leader is not None
        self._stop_leading()
        if leader and (leader.uncertain or self._failures >= MOST_FAILURES):
            self._election.resign(leader.term)

    def _begin_all_anew(self) -> None:
        self._act_anew()
        self._lead_anew()

    def _start_leading(self, term: int) -> "loading.Leader":
        log.info("leading since revision %d", term, extra=about("leading", revision=term))
        kind, here = loading.load_or_resign(term, self._election.resign), self._environment
        given = here.clock, here.wake, here.wall_clock, here.ask_members
        window = self._settings.reboot_window
        leader = kind(term, here.store, self.lease, *given, window, here.elapses, here.sealer)
        leader.count = self.metrics.decisions.update
        return leader

    def _stop_leading(self) -> None:
        if self._leader:
            log.info("no longer leading", extra=about("resigned"))
            self._leader.close()
        self._leader = None
