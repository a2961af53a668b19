"""Takes a backup of etcd, once: `python3 -m fleet.backup`, by fleet-backup.service, as root."""

import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .. import config
from ..config import Config, ConfigError
from ..etcd.snapshot import SnapshotError, check
from ..etcd_configuration import ETCD_PKI
from ..kv import KV, KVUnavailableError, Put
from ..model.backups import Backup
from ..model.keys import BACKUP, CLUSTER
from ..model.record import BadRecordError
from ..model.records import Cluster
from ..setup.etcd_auth import connect
from ..setup.etcdctl import ROOT, Etcdctl
from ..setup.files import CLIENT_PORT
from ..setup.shell import StepError, run
from . import calendar, destination, retention, settings
from .settings import BackupError, Settings

BESIDE_DATA = Path("/var/lib/etcd")
"""Where a snapshot is while a command takes it: no one but etcd and root reads there."""
MACHINE_ID = Path("/etc/machine-id")


@contextmanager
def ended_as_failure() -> Generator[None]:
    """While it lasts, being told to end is a failure like any other: it leaves no half snapshot.

    systemd ends it when it takes too long, its machine is drained, or goes down.
    """

    def end(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Once is enough.
        raise BackupError("it was told to end before it was done (stopped, drained, too long)")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True)
class Taking:
    """The taking of one backup."""

    settings: Settings
    config: Config
    store: KV
    etcdctl: Etcdctl = Etcdctl()
    run: Callable[..., str] = run
    clock: Callable[[], float] = time.time
    beside_data: Path = BESIDE_DATA
    own_disk: Path = Path("/")
    """A folder on it is lost with the machine."""

    def take(self) -> Backup:
        """Take it, check it, hand it over: the record of it.

        Raises:
            BackupError: it did not work; what was there before is still there.
        """
        cluster, taken_at = self._cluster(), self.clock()
        name = retention.name(cluster, taken_at)
        folder = self.settings.folder or self.beside_data
        snapshot = folder / f".{self._own()}.new"
        try:
            if self.settings.folder:
                destination.make(folder)
            _remove_half(snapshot)  # Of one that was killed: it takes room.
            size = self._save(folder, snapshot)
            self._hand_over(snapshot, name, cluster)
            own = bool(self.settings.folder) and destination.same_disk(folder, self.own_disk)
        except (OSError, StepError, SnapshotError) as error:
            raise BackupError(str(error)) from error
        finally:
            _remove_half(snapshot)
        interval = calendar.interval(self.settings.calendar) if self.settings.calendar else 0.0
        to, here = self.settings.destination, self.config.public_ip
        return Backup(taken_at, name, size, to, here, interval, on_own_disk=own)

    def _own(self) -> str:
        """What no other machine's half-taken snapshot is called."""
        return f"fleet-{self.config.public_ip.replace(':', '_')}"

    def _cluster(self) -> str:
        """The id of etcd's data; asked of a majority, as what the snapshot is of is not."""
        try:
            found = self.store.get([CLUSTER]).entries.get(CLUSTER)
            return Cluster.from_json(found.value).id if found else "unnamed"
        except (KVUnavailableError, BadRecordError) as error:
            raise BackupError(f"etcd does not say which data it has: {error}") from error

    def _save(self, folder: Path, snapshot: Path) -> int:
        """Has this machine's member write its data: how many bytes."""
        here = self.config.public_ip
        if not self.etcdctl.healthy(here):
            raise BackupError(f"etcd's member on {here} does not answer: its data may be old")
        destination.check_room(folder, self.etcdctl.size([here]))
        # Without a limit of time: it takes as long as the data are large.
        endpoint = f"--endpoints=https://{here}:{CLIENT_PORT}"
        self.run("etcdctl", endpoint, "snapshot", "save", str(snapshot), env=ROOT)
        size = check(snapshot)
        self.run("etcdutl", "snapshot", "status", str(snapshot), "--write-out=json")
        return size

    def _hand_over(self, snapshot: Path, name: str, cluster: str) -> None:
        if self.settings.folder is None:
            destination.hand_over(self.settings.command, snapshot, name, os.environ)
            return
        destination.keep_in(self.settings.folder, snapshot, name)
        for gone in destination.remove_surplus(self.settings.folder, cluster, self.settings.keep):
            print(f"{gone} is removed: {self.settings.keep} newer ones are kept", flush=True)

    def told(self) -> Backup:
        """Take one, and tell etcd of it or of its failure, which is raised.

        Raises:
            BackupError: it did not work.
        """
        try:
            with ended_as_failure():
                record = self.take()
        except BackupError as error:
            before = self.last() or Backup(0.0)
            self._tell(replace(before, failed_at=self.clock(), failure=str(error)[:300]))
            raise
        self._tell(record)
        return record

    def last(self) -> Backup | None:
        """What is known of the one before."""
        try:
            found = self.store.get([BACKUP]).entries.get(BACKUP)
            return Backup.from_json(found.value) if found else None
        except (KVUnavailableError, BadRecordError):
            return None  # It is written anew.

    def _tell(self, record: Backup) -> None:
        try:
            self.store.commit([Put(BACKUP, record.to_json())])
        except KVUnavailableError as error:
            print(f"etcd is not told of it: {error}", file=sys.stderr)


def _remove_half(snapshot: Path) -> None:
    for left in (snapshot, snapshot.with_name(f"{snapshot.name}.part")):  # etcdctl's own.
        left.unlink(missing_ok=True)


def main() -> None:
    """Take one, with the settings of the unit."""
    try:
        if not Path(ROOT["ETCDCTL_KEY"]).exists():
            sys.exit(
                f"this machine is no member of etcd: there is no key of its root in {ETCD_PKI}. "
                "The unit's MachineMetadata= is to be that of members"
            )
        wanted, own = settings.read(os.environ), config.read()
        record = Taking(wanted, own, connect(own)).told()
    except (BackupError, ConfigError) as error:
        sys.exit(f"no backup was taken: {error}")
    print(f"{record.name}: {record.size} bytes, checked, in {record.destination}", flush=True)


if __name__ == "__main__":
    main()
