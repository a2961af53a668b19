"""A certificate authority in memory, for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


class Authority:
    """An authority, and what it signs: PEM."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.cert = self.introduce(self)

    def introduce(self, other: "Authority") -> str:
        """The other's certificate, signed by this one."""
        built = _builder(NOW, NOW + YEAR).subject_name(other._name).issuer_name(self._name)
        built = built.public_key(other._key.public_key())
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        return _pem(built.sign(self._key, hashes.SHA256()))

    def sign(
        self,
        name: str,
        begin: datetime = NOW,
        end: datetime = NOW + YEAR,
        address: str = "127.0.0.1",
        hosts: Sequence[str] = (),
    ) -> tuple[str, str]:
        """A certificate for a name at an address, the loopback's by default, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        on = x509.SubjectAlternativeName(
            [x509.IPAddress(ip_address(address)), *map(x509.DNSName, hosts)]
        )
        built = _builder(begin, end).subject_name(subject).issuer_name(self._name)
        built = built.public_key(key.public_key()).add_extension(on, False)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return _pem(built.sign(self._key, hashes.SHA256())), private.decode()

    def write(self, folder: Path, name: str) -> None:
        """Write the authority's certificate, and a certificate and key of a name."""
        cert, key = self.sign(name)
        texts = {"ca.crt": self.cert, f"{name}.crt": cert, f"{name}.key": key}
        for file, text in texts.items():
            (folder / file).write_text(text)


def _builder(begin: datetime, end: datetime) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        serial_number=x509.random_serial_number(), not_valid_before=begin, not_valid_after=end
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
