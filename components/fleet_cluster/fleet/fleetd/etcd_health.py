"""etcd's health, for `/healthz`: an alarm or a dead member shows long before the lease does.

And the version of this machine's own member, for `fleetctl list-machines`.
"""

import logging
import ssl

from ..config import Config
from ..etcd import health
from ..journal_log import about
from ..kv import KV, KVUnavailableError
from ..model.backups import BACKUP_TIMER, Backup
from ..model.keys import BACKUP, unit_key
from ..model.record import BadRecordError
from .metrics import Metrics

log = logging.getLogger(__name__)

SECONDS = 15.0
"""How often etcd is asked: it has no event for that."""


class EtcdHealthMonitor:
    """A monitor beside the loop, which must not wait for a member that does not answer."""

    def __init__(self, settings: Config, store: KV, metrics: Metrics) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics

    def look(self) -> None:
        """Ask once; log what has changed."""
        said, before = self._said(), self._metrics.etcd
        if said and said != before:
            log.warning("etcd: %s", said, extra=about("trouble"))
        elif before and not said:
            log.info("etcd is well again", extra=about("recovered"))
        self._metrics.etcd = said
        self._metrics.etcd_version = self._version()
        self._metrics.etcd_room = self._room()
        self._metrics.etcd_members = self._members(said)
        self._look_at_backup()

    def _look_at_backup(self) -> None:
        """Only where a timer is to take them: a record alone is of what was so once."""
        timer = unit_key(BACKUP_TIMER)
        try:
            found = self._store.get([BACKUP, timer]).entries
            record = Backup.from_json(found[BACKUP].value) if BACKUP in found else Backup(0.0)
        except (KVUnavailableError, BadRecordError) as error:
            log.debug("nothing is known of etcd's backups: %s", error)
            return
        self._metrics.backup = record if timer in found else None

    def _own(self) -> list[str]:
        return health.own_member(self._settings.endpoints, self._settings.public_ip)

    def _room(self) -> health.Room | None:
        try:
            for member in self._own():
                return health.room(member, self._context())
        except OSError as error:
            log.debug("this machine's member does not say what room it has: %s", error)
        return None

    def _members(self, own_fault: str) -> dict[str, str]:
        """Members ask each other, so that one whose machine is gone is told of, too."""
        own = self._own()
        others = set(self._settings.endpoints).difference(own) if own else set[str]()
        return dict.fromkeys(own, own_fault) | {member: self._of(member) for member in others}

    def _of(self, member: str) -> str:
        try:
            return health.ask(member, self._context())
        except OSError as error:
            return f"it does not answer ({error})"

    def _version(self) -> str | None:
        """Asked each time: a member gets another version while fleetd runs on."""
        try:
            for member in self._own():
                return health.version(member, self._context())
        except OSError as error:
            log.debug("this machine's member does not say its version: %s", error)
            return self._metrics.etcd_version  # What it was. Whether it is well is told elsewhere.
        return ""

    def _said(self) -> str:
        settings = self._settings
        try:
            secured_by = self._context()
        except OSError as error:
            return f"it cannot be asked how it does, because of this machine's certificate: {error}"
        return health.check(
            settings.endpoints,
            settings.public_ip,
            lambda member: health.ask(member, secured_by),
            lambda: health.write_probe(self._store),
        )

    def _context(self) -> ssl.SSLContext | None:
        """Read anew each time: certificates are renewed."""
        one = self._settings
        ca, certificate, key = one.ca_file, one.cert_file, one.key_file
        return health.context(ca, certificate, key) if ca and certificate and key else None
