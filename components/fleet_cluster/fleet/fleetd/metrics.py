"""Metrics of fleetd, for `/metrics` and `/healthz`. Written by the loop, read by a thread."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import VERSION
from ..certificates import CertificateFiles
from ..disks.file_systems import FileSystem
from ..etcd.health import ALARMS, Room, alarms
from ..model.backups import Backup
from ..monitors import Monitors

LOOP_SECONDS = 60.0
"""After so long in one round, or without one, the loop is not alive; systemd ends it after 90."""

BUCKETS = (0.01, 0.1, 1.0, 10.0)
"""Upper bounds of the histogram of rounds, in seconds."""

Sample = tuple[str, float]
"""A metric's labels as they are printed, and its value."""


def resident_bytes(statm: Path = Path("/proc/self/statm")) -> int:
    """The memory that this process has, without what is swapped out."""
    return int(statm.read_text().split()[1]) * 4096


@dataclass
class Metrics:
    """Counters and gauges of one fleetd. Times are of `clock`, which never goes back."""

    clock: Callable[[], float]
    ttl: int
    """Seconds of the machine's lease."""
    contact_ago: Callable[[], float]
    """Seconds since the lease was renewed, the last sign of etcd; infinite if it never was."""
    started: float = 0.0
    round_ended: float = 0.0
    leading: bool = False
    announced: bool = False
    troubles: dict[str, str] = field(default_factory=dict[str, str])
    """What does not work now, by what it is."""
    docker: str = ""
    """What is wrong with Docker although it runs; empty when nothing is."""
    etcd: str = ""
    """What is wrong with etcd although it answers; empty when nothing is."""
    etcd_version: str | None = None
    """Of the member on this machine: empty when there is none; none as long as it is not known."""
    etcd_members: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is wrong with each member, by "address:port", empty when nothing is. Where none runs on
    this machine, nobody asks them."""
    etcd_room: Room | None = None
    """Of the member on this machine."""
    reboot_required: bool = False
    """Whether the operating system asks for a reboot."""
    reboot: str = ""
    """What keeps the cluster from rebooting machines; empty when nothing does."""
    file_systems: Sequence[FileSystem] = ()
    """Those that the machine needs room on."""
    backup: Backup | None = None
    """The last one of etcd's data; none where none are taken."""
    wall_clock: Callable[[], float] = time.time
    units: Counter[str] = field(default_factory=Counter[str])
    """This machine's units by ACTIVE state."""
    flapping: int = 0
    """How many of them restart again and again."""
    unplaced: int | None = None
    """How many of the cluster's units fit on no machine; only the leader knows."""
    decisions: Counter[str] = field(default_factory=Counter[str])
    store_errors: int = 0
    rounds: int = 0
    round_seconds: float = 0.0
    buckets: Counter[float] = field(default_factory=Counter[float])
    certificates: CertificateFiles = field(default_factory=lambda: CertificateFiles(()))
    """This machine's."""
    monitors: Monitors = field(default_factory=lambda: Monitors(time.monotonic))
    """What looks at this machine beside the loop."""
    memory: Callable[[], int] = resident_bytes
    """Bytes that fleetd has."""

    def __post_init__(self) -> None:
        self.round_ended = self.clock()

    def note_round(self, seconds: float) -> None:
        """A round of the loop has ended."""
        self.round_ended = self.clock()
        self.rounds += 1
        self.round_seconds += seconds
        self.buckets.update(bound for bound in BUCKETS if seconds <= bound)

    def faults(self) -> list[str]:
        """Why fleetd cannot do its work; empty when it can."""
        silent = self.clock() - self.round_ended
        contact = self.contact_ago()
        troubles = {**self.troubles, "etcd": self.etcd}
        found = [f"{what}: {why}" for what, why in sorted(troubles.items()) if why]
        found += self.certificates.faults() + self.monitors.faults()
        if silent > LOOP_SECONDS:
            found.append(f"the loop has not ended a round for {silent:.0f} s")
        if contact > self.ttl:
            ago = "never" if math.isinf(contact) else f"for {contact:.0f} s not"
            found.append(f"the lease of {self.ttl} s was {ago} renewed: units run on")
        return found

    def warnings(self) -> list[str]:
        """What fleetd works well without, and what somebody should look at."""
        room = self.etcd_room.warning() if self.etcd_room and not self.etcd else ""
        others = [
            f"etcd's member {member}: {why}"
            for member, why in sorted(self.etcd_members.items())
            if why and not alarms(why)  # That is told already: it is of all members.
        ]
        backup = self.backup.warning(self.wall_clock()) if self.backup else ""
        return [*filter(None, [room, self.reboot, backup]), *others, *self.certificates.warnings()]


def render(metrics: Metrics) -> str:
    """The metrics in Prometheus' text format."""
    return "".join(line + "\n" for metric in _metrics(metrics) for line in metric)


def _metrics(metrics: Metrics) -> Iterator[Iterator[str]]:
    contact, silent = metrics.contact_ago(), metrics.clock() - metrics.round_ended
    yield _gauge("fleet_info", "The version of fleetd.", [(f'{{version="{VERSION}"}}', 1)])
    yield _gauge("fleet_leader", "Whether this fleetd leads the cluster.", metrics.leading)
    yield _gauge("fleet_announced", "Whether the cluster knows this machine.", metrics.announced)
    yield _gauge("fleet_healthy", "Whether /healthz answers 200.", not metrics.faults())
    asks = metrics.reboot_required
    yield _gauge("fleet_reboot_required", "Whether the operating system asks for a reboot.", asks)
    yield _gauge("fleet_lease_age_seconds", "Since the lease was renewed last.", contact)
    yield _gauge("fleet_lease_ttl_seconds", "The full time of the lease.", metrics.ttl)
    yield _gauge("fleet_round_age_seconds", "Since the control loop's last round ended.", silent)
    units = [(f'{{active="{state}"}}', n) for state, n in sorted(metrics.units.items())]
    yield _gauge("fleet_units", "Units of this machine by ACTIVE state.", units)
    flapping = metrics.flapping
    yield _gauge("fleet_units_flapping", "Units that restart again and again.", flapping)
    unplaced = [] if metrics.unplaced is None else [("", metrics.unplaced)]
    yield _gauge("fleet_units_unplaced", "The cluster's units that fit nowhere.", unplaced)
    made = [(f'{{kind="{kind}"}}', n) for kind, n in sorted(metrics.decisions.items())]
    yield _metric("fleet_decisions_total", "counter", "Written as leader.", made)
    errors = [("", float(metrics.store_errors))]
    yield _metric("fleet_etcd_errors_total", "counter", "Rounds that etcd has ended.", errors)
    yield _histogram(metrics)
    yield from _etcd_metrics(metrics)
    yield from _disk_metrics(metrics.file_systems)
    taken = [metrics.backup] if metrics.backup and metrics.backup.taken_at else []
    ages = [("", metrics.wall_clock() - one.taken_at) for one in taken]
    yield _gauge("fleet_backup_age_seconds", "Since etcd's last good backup was taken.", ages)
    sizes = [("", float(one.size)) for one in taken]
    yield _gauge("fleet_backup_size_bytes", "Size of etcd's last good backup.", sizes)
    ends = [(f'{{path="{one.name}"}}', one.end) for one in metrics.certificates.certificates]
    name = "fleet_certificate_expiration_timestamp_seconds"
    yield _gauge(name, "When a certificate ends: since 1970.", ends)
    yield _gauge("process_resident_memory_bytes", "Memory of fleetd.", metrics.memory())


def _etcd_metrics(metrics: Metrics) -> Iterator[Iterator[str]]:
    raised = alarms(metrics.etcd)
    told = [(f'{{alarm="{alarm}"}}', alarm in raised) for alarm in ALARMS]
    yield _gauge("fleet_etcd_alarm", "Whether etcd has raised this alarm.", told)
    members = sorted(metrics.etcd_members.items())
    well = [(f'{{member="{member}"}}', not why) for member, why in members]
    yield _gauge("fleet_etcd_member_healthy", "Whether a member of etcd says that it is.", well)
    rooms = [metrics.etcd_room] if metrics.etcd_room else []
    used, quota = [("", one.used) for one in rooms], [("", one.quota) for one in rooms]
    yield _gauge("fleet_etcd_data_bytes", "Size of this machine's member's data.", used)
    yield _gauge("fleet_etcd_quota_bytes", "From where on etcd takes nothing more.", quota)


def _disk_metrics(file_systems: Sequence[FileSystem]) -> Iterator[Iterator[str]]:
    known = [(f'{{path="{one.path}"}}', one) for one in file_systems if not one.fault]
    free = [(label, one.free) for label, one in known]
    yield _gauge("fleet_filesystem_free_bytes", "What a file system has left.", free)
    size = [(label, one.size) for label, one in known]
    yield _gauge("fleet_filesystem_size_bytes", "How large a file system is.", size)
    inodes = [(label, one.free_inodes) for label, one in known if one.inodes]
    yield _gauge("fleet_filesystem_free_inodes", "Files that there is still room for.", inodes)


def _gauge(name: str, help: str, value: float | Iterable[Sample]) -> Iterator[str]:
    samples = [("", float(value))] if isinstance(value, int | float) else value
    return _metric(name, "gauge", help, samples)


def _metric(name: str, kind: str, help: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{labels} {_number(value)}"


def _histogram(metrics: Metrics) -> Iterator[str]:
    name = "fleet_round_seconds"
    counts = [(f'_bucket{{le="{bound:g}"}}', metrics.buckets[bound]) for bound in BUCKETS]
    counts.append(('_bucket{le="+Inf"}', metrics.rounds))
    sums = [("_sum", metrics.round_seconds), ("_count", metrics.rounds)]
    return _metric(name, "histogram", "Duration of the control loop's rounds.", [*counts, *sums])


def _number(value: float) -> str:
    return "+Inf" if math.isinf(value) else f"{value:.15g}"
