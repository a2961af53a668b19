"""The cluster's certificates: an authority, one for each member of etcd, one for each role."""

from collections.abc import Sequence
from typing import TypedDict

import pulumi
import pulumi_tls as tls

from .fleet.etcd_roles import Role
from .fleet.setup.inputs import Pair
from .machine import MachineAddress

YEARS_10 = 10 * 365 * 24
"""Hours. Nothing renews by itself: a renewal would change every machine on some later `up`."""
SERVER_NAME = "etcd"
"""A name in every member's certificate, for clients that are given all members at once."""


class PkiArgs(TypedDict):
    """Who needs certificates."""

    members: list[MachineAddress]
    """The machines that keep etcd's data."""
    roles: Sequence[Role]
    """Roles of etcd: each has a certificate of its own."""


class Pki(pulumi.ComponentResource):
    """A certificate authority of the cluster's own, and everything it signed."""

    authority: pulumi.Output[str]
    """The authority's certificate, PEM."""

    def __init__(
        self, name: str, args: PkiArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the authority, then sign for roles and members."""
        super().__init__("fleet-cluster:index:Pki", name, None, opts)
        self._authority_key = self._key(name)
        self._authority = self._self_signed(name)
        self.authority = self._authority.cert_pem
        self.pairs = {role.name: self._signed(role.name, ["client_auth"]) for role in args["roles"]}
        """Certificates with their private keys, by name of the role or the member. Secret."""
        self.pairs |= {member["name"]: self._member(member) for member in args["members"]}
        self.register_outputs({"authority": self.authority})

    def _key(self, name: str) -> tls.PrivateKey:
        return tls.PrivateKey(
            f"{name}-key",
            algorithm="ECDSA",
            ecdsa_curve="P256",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _self_signed(self, name: str) -> tls.SelfSignedCert:
        return tls.SelfSignedCert(
            name,
            private_key_pem=self._authority_key.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(common_name="fleet-cluster authority"),
            is_ca_certificate=True,
            set_subject_key_id=True,
            allowed_uses=["cert_signing", "crl_signing"],
            validity_period_hours=YEARS_10,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _member(self, member: MachineAddress) -> Pair[pulumi.Input[str]]:
        """A member is a server to clients and peers, and a client of its peers."""
        return self._signed(
            member["name"],
            ["server_auth", "client_auth"],
            dns_names=[member["name"], "localhost", SERVER_NAME],
            ip_addresses=[member["address"], "127.0.0.1"],
        )

    def _signed(
        self,
        name: str,
        uses: Sequence[str],
        dns_names: Sequence[pulumi.Input[str]] = (),
        ip_addresses: Sequence[pulumi.Input[str]] = (),
    ) -> Pair[pulumi.Input[str]]:
        key = self._key(name)
        request = tls.CertRequest(
            name,
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(common_name=name),
            dns_names=list(dns_names),
            ip_addresses=list(ip_addresses),
            opts=pulumi.ResourceOptions(parent=self),
        )
        certificate = tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=self._authority_key.private_key_pem,
            ca_cert_pem=self._authority.cert_pem,
            allowed_uses=["digital_signature", "key_encipherment", *uses],
            validity_period_hours=YEARS_10,
            set_subject_key_id=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return Pair(certificate.cert_pem, key.private_key_pem)
