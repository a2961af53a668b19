"""The cluster's certificates: authorities, two a member of etcd, one a role and a worker."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import time
from typing import TypedDict

import pulumi
import pulumi_tls as tls

from .fleet.certificates import Certificate
from .fleet.etcd_roles import WORKERS, Role
from .fleet.journal_shipping import SENDERS
from .fleet.setup.files import SERVER_NAME
from .fleet.setup.inputs import Pair
from .machine import MachineAddress

YEAR = 365 * 24
"""Hours, as in all that follows."""
AUTHORITY_HOURS = 10 * YEAR
AUTHORITY_RENEWAL_HOURS = 2 * YEAR
"""An authority gets another certificate so long before its end, and keeps its key: what it has
signed is good with either."""
RENEWAL_HOURS = 60 * 24
MOST_HOURS = AUTHORITY_RENEWAL_HOURS
"""No certificate outlives its authority's."""
AUTHORITY_USES = ("cert_signing", "crl_signing")


class PkiArgs(TypedDict):
    """Who needs certificates."""

    members: list[MachineAddress]
    """The machines that keep etcd's data."""
    roles: Sequence[Role]
    """Roles of etcd: each has a certificate of its own."""
    hours: int
    """How long certificates are valid, but for authorities'."""
    authority: int
    """Number of the authorities, from 1; another one has all keys and certificates made anew."""


@dataclass(frozen=True)
class _Authority:
    """What signs certificates."""

    private_key: pulumi.Output[str]
    cert: pulumi.Output[str]
    common_name: str
    chain: pulumi.Input[str] = ""
    """What is shown after a certificate of it, to those who do not trust it yet: PEM."""


def renewal_hours(hours: int) -> int:
    """How long before its end an `up` renews a certificate: 60 days, a sixth of a shorter life."""
    return min(RENEWAL_HOURS, max(1, hours // 6))


class Pki(pulumi.ComponentResource):
    """Certificate authorities of the cluster's own, and everything they signed.

    What etcd's members show each other is signed by an authority of its own, and they take nothing
    else: no certificate of a role or of a member's server is one of a peer. That authority is
    signed by the cluster's, so that members which still trust that one take its certificates too.
    """

    authority: pulumi.Output[str]
    """The authority's certificate, PEM."""
    peer_authority: pulumi.Output[str]
    """The certificate of the authority of etcd's peers, PEM."""

    def __init__(
        self, name: str, args: PkiArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the authorities, then sign for roles and members."""
        super().__init__("fleet-cluster:index:Pki", name, None, opts)
        self._hours = args["hours"]
        self.number = args["authority"]
        """The authorities' number."""
        self._clients, self._peers = self._authorities(name, self.number)
        self.previous_authority: pulumi.Input[str] = ""
        """The certificate of the authority before this one, PEM; empty if there was none."""
        if self.number > 1:
            clients, peers = self._authorities(name, self.number - 1)
            self._clients = self._introduced(self._clients, clients, name)
            self._peers = self._introduced(self._peers, peers, f"{name}-peers")
            self.previous_authority = clients.cert
        self.authority = self._clients.cert
        self.peer_authority = self._peers.cert
        self.pairs = {
            role.name: self._signed(role.name, role.name, self._clients, ["client_auth"])
            for role in args["roles"]
        }
        """Certificates with their private keys, by name of the role or the member. Secret."""
        self.pairs |= {member["name"]: self._member(member) for member in args["members"]}
        self.peers = {member["name"]: self._peer(member) for member in args["members"]}
        """What members show each other, by name: certificate and authority, private key. Secret."""
        self.register_outputs({"authority": self.authority})

    def worker(self, name: str) -> Pair[pulumi.Input[str]]:
        """What a machine shows etcd that is no member of it. Secret."""
        return self._signed(f"{name}-worker", WORKERS + name, self._clients, ["client_auth"])

    def sender(self, name: str) -> Pair[pulumi.Input[str]]:
        """What a machine shows who takes its journal, and nothing else takes. Secret."""
        return self._signed(f"{name}-journal", SENDERS + name, self._clients, ["client_auth"])

    def receiver(self, address: pulumi.Input[str]) -> Pair[pulumi.Input[str]]:
        """What machines are shown by who takes their journals, at its address. Secret."""
        name = f"{SENDERS}receiver"
        return self._signed(name, name, self._clients, ["server_auth"], ip_addresses=[address])

    def _key(self, name: str, number: int) -> tls.PrivateKey:
        return tls.PrivateKey(
            f"{_numbered(name, number)}-key",
            algorithm="ECDSA",
            ecdsa_curve="P256",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _authorities(self, name: str, number: int) -> tuple[_Authority, _Authority]:
        """The cluster's of a number, and its peers'."""
        clients = self._self_signed(name, number)
        return clients, self._authority_of_peers(f"{name}-peers", number, clients)

    def _self_signed(self, name: str, number: int) -> _Authority:
        key = self._key(name, number).private_key_pem
        common_name = _numbered("fleet-cluster authority", number)
        certificate = tls.SelfSignedCert(
            _numbered(name, number),
            private_key_pem=key,
            subject=tls.SelfSignedCertSubjectArgs(common_name=common_name),
            is_ca_certificate=True,
            set_subject_key_id=True,
            allowed_uses=list(AUTHORITY_USES),
            validity_period_hours=AUTHORITY_HOURS,
            early_renewal_hours=AUTHORITY_RENEWAL_HOURS,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._watch(_numbered(name, number), certificate)
        return _Authority(key, certificate.cert_pem, common_name)

    def _authority_of_peers(self, name: str, number: int, by: _Authority) -> _Authority:
        """One that has only been trusted as signed by the cluster's is shown with its own."""
        key = self._key(name, number)
        common_name = _numbered("fleet-cluster authority of etcd's peers", number)
        cert = self._signed_authority(_numbered(name, number), common_name, key.private_key_pem, by)
        return _Authority(key.private_key_pem, cert, common_name, chain=cert)

    def _introduced(self, one: _Authority, by: _Authority, name: str) -> _Authority:
        """An authority as the one before it introduces it, to whoever trusts that one alone.

        So no order has to be kept: machines are given the new authority and what it has signed one
        after the other, and understand each other all the time.
        """
        introduced = f"{_numbered(name, self.number)}-introduced"
        chain = self._signed_authority(introduced, one.common_name, one.private_key, by)
        return replace(one, chain=chain)

    def _signed_authority(
        self, name: str, common_name: str, key: pulumi.Output[str], by: _Authority
    ) -> pulumi.Output[str]:
        request = self._request(name, common_name, key)
        return self._certificate(name, request, by, AUTHORITY_USES, is_ca=True).cert_pem

    def _member(self, member: MachineAddress) -> Pair[pulumi.Input[str]]:
        """A member is a server; and a client, to peers that do not know their own authority yet."""
        return self._signed(
            member["name"],
            member["name"],
            self._clients,
            ["server_auth", "client_auth"],
            dns_names=[member["name"], "localhost", SERVER_NAME],
            ip_addresses=[member["address"], "127.0.0.1"],
        )

    def _peer(self, member: MachineAddress) -> Pair[pulumi.Input[str]]:
        """A member is a server to its peers, and a client of theirs."""
        return self._signed(
            f"{member['name']}-peer",
            member["name"],
            self._peers,
            ["server_auth", "client_auth"],
            dns_names=[member["name"], SERVER_NAME],
            ip_addresses=[member["address"]],
        )

    def _signed(
        self,
        name: str,
        common_name: str,
        by: _Authority,
        uses: Sequence[str],
        dns_names: Sequence[pulumi.Input[str]] = (),
        ip_addresses: Sequence[pulumi.Input[str]] = (),
    ) -> Pair[pulumi.Input[str]]:
        key = self._key(name, self.number).private_key_pem
        request = self._request(name, common_name, key, dns_names, ip_addresses)
        uses = ["digital_signature", "key_encipherment", *uses]
        certificate = self._certificate(name, request, by, uses)
        return Pair(pulumi.Output.concat(certificate.cert_pem, by.chain), key)

    def _request(
        self,
        name: str,
        common_name: str,
        key: pulumi.Output[str],
        dns_names: Sequence[pulumi.Input[str]] = (),
        ip_addresses: Sequence[pulumi.Input[str]] = (),
    ) -> tls.CertRequest:
        return tls.CertRequest(
            name,
            private_key_pem=key,
            subject=tls.CertRequestSubjectArgs(common_name=common_name),
            dns_names=list(dns_names),
            ip_addresses=list(ip_addresses),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _certificate(
        self,
        name: str,
        request: tls.CertRequest,
        by: _Authority,
        uses: Sequence[str],
        *,
        is_ca: bool = False,
    ) -> tls.LocallySignedCert:
        certificate = tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=by.private_key,
            ca_cert_pem=by.cert,
            allowed_uses=list(uses),
            # Not given where it is not so: it would be another input of what stacks have.
            is_ca_certificate=True if is_ca else None,
            validity_period_hours=AUTHORITY_HOURS if is_ca else self._hours,
            early_renewal_hours=AUTHORITY_RENEWAL_HOURS if is_ca else renewal_hours(self._hours),
            set_subject_key_id=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._watch(name, certificate)
        return certificate

    def _watch(self, name: str, certificate: tls.SelfSignedCert | tls.LocallySignedCert) -> None:
        """Warns at each `up` that does not renew a certificate which ends soon."""

        def tell(times: Sequence[str]) -> None:
            begin, end = (datetime.fromisoformat(one).timestamp() for one in times)
            if warning := Certificate(name, begin, end).warning(time()):
                pulumi.warn(warning, self)

        times = (certificate.validity_start_time, certificate.validity_end_time)
        pulumi.Output.all(*times).apply(tell)


def _numbered(name: str, number: int) -> str:
    """A name of an authority's number; the first one's are those of before there was another."""
    return name if number == 1 else f"{name}.{number}"
