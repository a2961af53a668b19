"""Whom etcd's member takes for a peer: who shows a certificate of the peers' authority.

Members used to show each other certificates of the cluster's authority. A member that has begun to
use the peers' is understood by those that have not, since the cluster's has signed that one. It
takes theirs, too, as long as there is one: none of them ever refuses another.
"""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

from ..etcd_configuration import ETCD_PKI
from .etcdctl import Etcdctl
from .files import PEER_AUTHORITY, PEER_PORT, PEER_TRUST, File
from .shell import say, write

LOOPBACK = "127.0.0.1"


def shows_new(pki: Path, address: str) -> bool:
    """Whether a member shows a certificate of the peers' authority; False if it does not answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(pki / PEER_AUTHORITY)
    # The cluster's authority, which has signed this one, is not asked for.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_cert_chain(pki / "peer.crt", pki / "peer.key")
    try:
        with (
            create_connection((address, PEER_PORT), timeout=2) as connection,
            context.wrap_socket(connection, server_hostname=address),
        ):
            return True
    except OSError:  # It refuses, is silent, or shows another certificate.
        return False


@dataclass(frozen=True)
class PeerTrust:
    """The authorities of peers that this machine's member trusts from its next start on."""

    pki: Path = Path(ETCD_PKI)
    shows_new: Callable[[Path, str], bool] = shows_new
    write: Callable[[str, File], bool] = write

    def trust(self, addresses: Iterable[str]) -> bool:
        """Trusts these members of its cluster, by what each shows: whether that has changed.

        The peers' authority is trusted in any case, and alone once all of them show its
        certificates; that is never taken back.
        """
        if self._is_settled:
            return False
        authority, cluster = self._authority, (self.pki / "ca.crt").read_text()
        alone = all(self.shows_new(self.pki, address) for address in addresses)
        return self.write(str(self._file), File(authority if alone else authority + cluster))

    def settle(self, etcdctl: Etcdctl) -> None:
        """Ends what `trust` has begun, when all members have had their turn.

        The member reads it when it starts. Until then the name that is in members' certificates
        keeps out all others that the cluster's authority has signed.
        """
        if self._is_settled or not etcdctl.healthy(LOOPBACK):
            return
        if self.trust(one.address for one in etcdctl.members([LOOPBACK])):
            say("etcd: peers are to be of the peers' authority from the next start on")

    @property
    def _file(self) -> Path:
        return self.pki / PEER_TRUST

    @property
    def _authority(self) -> str:
        return (self.pki / PEER_AUTHORITY).read_text()

    @property
    def _is_settled(self) -> bool:
        return self._file.exists() and self._file.read_text() == self._authority
