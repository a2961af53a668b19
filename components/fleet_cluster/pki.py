"""The cluster's certificates: authorities, two for each member of etcd, one for each role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import pulumi
import pulumi_tls as tls

from .fleet.etcd_roles import Role
from .fleet.setup.files import SERVER_NAME
from .fleet.setup.inputs import Pair
from .machine import MachineAddress

YEARS_10 = 10 * 365 * 24
"""Hours. Nothing renews by itself: a renewal would change every machine on some later `up`."""
AUTHORITY_USES = ("cert_signing", "crl_signing")


class PkiArgs(TypedDict):
    """Who needs certificates."""

    members: list[MachineAddress]
    """The machines that keep etcd's data."""
    roles: Sequence[Role]
    """Roles of etcd: each has a certificate of its own."""


@dataclass(frozen=True)
class _Authority:
    """What signs certificates."""

    private_key: pulumi.Output[str]
    cert: pulumi.Output[str]


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
        self._clients = self._self_signed(name)
        self._peers = self._authority_of_peers(f"{name}-peers")
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

    def _key(self, name: str) -> tls.PrivateKey:
        return tls.PrivateKey(
            f"{name}-key",
            algorithm="ECDSA",
            ecdsa_curve="P256",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _self_signed(self, name: str) -> _Authority:
        key = self._key(name).private_key_pem
        certificate = tls.SelfSignedCert(
            name,
            private_key_pem=key,
            subject=tls.SelfSignedCertSubjectArgs(common_name="fleet-cluster authority"),
            is_ca_certificate=True,
            set_subject_key_id=True,
            allowed_uses=list(AUTHORITY_USES),
            validity_period_hours=YEARS_10,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return _Authority(key, certificate.cert_pem)

    def _authority_of_peers(self, name: str) -> _Authority:
        key = self._key(name)
        request = self._request(name, "fleet-cluster authority of etcd's peers", key)
        certificate = self._certificate(name, request, self._clients, AUTHORITY_USES, is_ca=True)
        return _Authority(key.private_key_pem, certificate.cert_pem)

    def _member(self, member: MachineAddress) -> Pair[pulumi.Input[str]]:
        """A member is a server, and a client of itself: its gateway from JSON."""
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
        signed = self._signed(
            f"{member['name']}-peer",
            member["name"],
            self._peers,
            ["server_auth", "client_auth"],
            dns_names=[member["name"], SERVER_NAME],
            ip_addresses=[member["address"]],
        )
        return Pair(pulumi.Output.concat(signed.cert, self._peers.cert), signed.key)

    def _signed(
        self,
        name: str,
        common_name: str,
        by: _Authority,
        uses: Sequence[str],
        dns_names: Sequence[pulumi.Input[str]] = (),
        ip_addresses: Sequence[pulumi.Input[str]] = (),
    ) -> Pair[pulumi.Input[str]]:
        key = self._key(name)
        request = self._request(name, common_name, key, dns_names, ip_addresses)
        uses = ["digital_signature", "key_encipherment", *uses]
        certificate = self._certificate(name, request, by, uses)
        return Pair(certificate.cert_pem, key.private_key_pem)

    def _request(
        self,
        name: str,
        common_name: str,
        key: tls.PrivateKey,
        dns_names: Sequence[pulumi.Input[str]] = (),
        ip_addresses: Sequence[pulumi.Input[str]] = (),
    ) -> tls.CertRequest:
        return tls.CertRequest(
            name,
            private_key_pem=key.private_key_pem,
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
        return tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=by.private_key,
            ca_cert_pem=by.cert,
            allowed_uses=list(uses),
            # Not given where it is not so: it would be another input of what stacks have.
            is_ca_certificate=True if is_ca else None,
            validity_period_hours=YEARS_10,
            set_subject_key_id=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
