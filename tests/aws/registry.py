"""A real image registry for ECR's place: TLS by an authority of its own, and a password."""

import datetime
import ipaddress
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleet_cluster.providers.docker.engine_probe import TRIAL_IMAGE
from tests.aws.machines import LABEL, docker

CONFIG = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/docker-registry
http:
  addr: :443
  tls:
    certificate: /tls/registry.crt
    key: /tls/registry.key
auth:
  htpasswd:
    realm: test
    path: /tls/users
"""
START = """
umask 077; mkdir -p /tls
echo "$CERTIFICATE" > /tls/registry.crt; echo "$KEY" > /tls/registry.key
echo "$USERS" > /tls/users; echo "$CONFIG" > /tls/config.yml
exec docker-registry serve /tls/config.yml
"""


@dataclass(frozen=True)
class Certificate:
    """What the registry shows, and what proves it."""

    authority: str
    certificate: str
    key: str


def certificate_of(address: str) -> Certificate:
    """A certificate of an address for a day, signed with a key that is forgotten at once."""
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("fleet-cluster test authority")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    authority = _builder(issuer, issuer, signer).add_extension(constraints, critical=True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    own = _builder(_name(address), issuer, key).add_extension(names, critical=False)
    return Certificate(
        authority=_pem(authority.sign(signer, hashes.SHA256())),
        certificate=_pem(own.sign(signer, hashes.SHA256())),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


@contextmanager
def running(
    session: str, network: str, address: str, password: str, certificate: Certificate, image: str
) -> Generator[None]:
    """A registry at an address of a network, which this computer's engine trusts meanwhile."""
    users = f"AWS:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}"
    given = {
        "CERTIFICATE": certificate.certificate,
        "KEY": certificate.key,
        "USERS": users,
        "CONFIG": CONFIG,
    }
    try:
        _on_this_computer(f"mkdir -p {_trust(address)}")
        _on_this_computer(f"cat > {_trust(address)}/ca.crt", certificate.authority.encode())
        docker(
            "run", "--detach", f"--name={session}-registry", f"--label={LABEL}={session}",
            f"--network={network}", f"--ip={address}",
            *(f"--env={name}={value}" for name, value in given.items()),
            image, "sh", "-c", START,
        )  # fmt: skip
        yield
    finally:
        _on_this_computer(f"rm -rf {_trust(address)}")


def _trust(address: str) -> str:
    return f"/host/certs.d/{address}"


def _on_this_computer(command: str, stdin: bytes = b"") -> None:
    """In a container with the engine's folder: whoever may use the engine may do this."""
    mount = "--volume=/etc/docker:/host"
    docker(
        "run", "--rm", "-i", "--network=none", mount, TRIAL_IMAGE, "sh", "-c", command, stdin=stdin
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(hours=1),
        not_valid_after=now + datetime.timedelta(days=1),
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
