"""The sealing of secrets to all members of etcd, as they come and go: each member's part in it.

A member tells its public key. What it can open, and what is sealed to others than the members that
there are now, it seals anew: so a member that was made anew can open all that the others could.
"""

import logging
from collections.abc import Callable, Mapping

from ..coordination.watch_cache import WatchCache
from ..journal_log import about
from ..kv import KV, KeyValue, Put, Unchanged
from ..model.keys import RECIPIENTS, SECRETS, recipient_key
from ..model.record import BadRecordError
from ..model.records import MachineState
from ..model.secrets import Recipient, SecretVersion
from ..secrets.age import Sealer, SealError, SealerUnavailableError

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
"""After so long it is tried again, where sealing was not possible just then."""


class Sealing:
    """A member's sealing, in the loop's thread; a worker has no part in it."""

    def __init__(
        self,
        machine: MachineState,
        store: KV,
        sealer: Sealer,
        wake: Callable[[], None],
        is_member: bool,
    ) -> None:
        self._machine = machine
        self._store = store
        self._sealer = sealer
        self._recipients = WatchCache(store, RECIPIENTS, wake)
        self._secrets = WatchCache(store, SECRETS, wake)
        self._is_idle = not (is_member and machine.public_key)
        self._is_due = True
        self._failed: dict[str, int] = {}
        """The revisions of secrets that could not be sealed anew, by key."""

    def reconcile(self) -> float:
        """Seal one secret anew, if one has to be: that it is done wakes the loop for the next.

        Returns:
            After how many seconds to try again; 0 if not needed.

        Raises:
            KVUnavailableError: etcd does not answer.
        """
        if self._is_idle:
            return 0.0
        self._is_due |= bool(self._recipients.refresh() | self._secrets.refresh())
        if self._is_due and self._recipients.settled and self._secrets.settled:
            self._tell_own_key()
            return self._seal_next()
        return 0.0

    def close(self) -> None:
        """Follow etcd from its beginning: its data are others."""
        self._is_due = True
        self._recipients.close()
        self._secrets.close()

    def _tell_own_key(self) -> None:
        key = recipient_key(self._machine.id)
        own = Recipient(self._machine.public_key, self._machine.hostname).to_json()
        known = self._recipients.entries.get(key)
        if known is None or known.value != own:
            seen = Unchanged(key, known.mod_revision if known else 0)
            self._recipients.expect(self._store.commit([Put(key, own)], seen))

    def _seal_next(self) -> float:
        try:
            entries = self._secrets.entries.items()
            self._is_due = any(self._seal_anew(key, entry) for key, entry in entries)
        except SealerUnavailableError as error:
            log.warning("no secret can be sealed to the members that there are yet: %s", error)
            return RETRY_SECONDS
        return 0.0

    def _seal_anew(self, key: str, entry: KeyValue) -> bool:
        """Whether it had to be, and was."""
        secret, wanted = _secret(entry), self._keys()
        own = self._machine.public_key
        if secret is None or own not in wanted.values() or secret.recipients == wanted:
            return False
        if own not in secret.recipients.values() or self._failed.get(key) == entry.mod_revision:
            return False
        try:
            sealed = self._sealer.seal(self._sealer.open(secret.sealed), wanted.values())
        except SealerUnavailableError:
            raise
        except SealError as error:
            self._failed[key] = entry.mod_revision
            log.warning("%s cannot be sealed to the members that there are: %s", key, error)
            return False
        new = SecretVersion(sealed, wanted, secret.written_at, secret.author)
        revision = self._store.commit([Put(key, new.to_json())], Unchanged(key, entry.mod_revision))
        self._secrets.expect(revision)
        if revision:
            what = f"{len(wanted)} members of etcd"
            log.info("%s is sealed to %s", key, what, extra=about("sealed", revision=revision))
        return True

    def _keys(self) -> Mapping[str, str]:
        """The public keys of all members, by machine."""
        found = {key: _recipient(entry) for key, entry in self._recipients.entries.items()}
        return {key.removeprefix(RECIPIENTS): one.key for key, one in found.items() if one}


def _secret(entry: KeyValue) -> SecretVersion | None:
    try:
        return SecretVersion.from_json(entry.value)
    except BadRecordError:
        return None


def _recipient(entry: KeyValue) -> Recipient | None:
    try:
        return Recipient.from_json(entry.value)
    except BadRecordError:
        return None
