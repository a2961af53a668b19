"""`tls.SelfSignedCert`, `tls.CertRequest` and `tls.LocallySignedCert`."""

import datetime
import hashlib
import ipaddress
import secrets
import time
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..inputs import Problem, SdkType
from ..resource import Context, PluginError, Resource
from ..values import Plain, items_of
from .private_key import PrivateKeyTypes, algorithm_of, load

SUBJECT_FIELDS = {
    "commonName": NameOID.COMMON_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "country": NameOID.COUNTRY_NAME,
    "postalCode": NameOID.POSTAL_CODE,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}
KEY_USES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
EXTENDED_USES = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec_end_system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec_tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec_user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft_server_gated_crypto": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "microsoft_commercial_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.2.1.22"),
    "microsoft_kernel_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.61.1.1"),
    "netscape_server_gated_crypto": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}
SERIAL_BITS = 128
NANOSECONDS_PER_HOUR = 3600 * 10**9
WRITE_ONLY = "Wo"


def _without_write_only(*fields: str) -> dict[str, frozenset[str]]:
    return {"": frozenset(name for name in fields if WRITE_ONLY not in name)}


class CertRequest(Resource):
    """A certificate request, signed with the key it is for."""

    token = "tls:index/certRequest:CertRequest"
    sdk = SdkType("pulumi_tls", "CertRequest")
    supported = _without_write_only("dnsNames", "ipAddresses", "privateKeyPem", "subject", "uris")
    secret_outputs: ClassVar[frozenset[str]] = frozenset({"privateKeyPem"})

    def check(self, inputs: Plain) -> list[Problem]:
        """Checks that there is a key."""
        return check_required(inputs, "privateKeyPem")

    def replaces(self, name: str) -> bool:
        """A request cannot change."""
        return True

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Makes and signs the request. Its id is the SHA-1 of its PEM."""
        key = load("privateKeyPem", inputs["privateKeyPem"])
        builder = x509.CertificateSigningRequestBuilder(subject_of(inputs.get("subject", {})))
        alternatives = alternative_names(inputs)
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=False)
        pem = builder.sign(key, signature_hash(key)).public_bytes(serialization.Encoding.PEM)
        outputs = {"certRequestPem": pem.decode(), "keyAlgorithm": algorithm_of(key)}
        return hashlib.sha1(pem, usedforsecurity=False).hexdigest(), outputs


class Certificate(Resource):
    """What both kinds of certificates share: validity, uses, renewal."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "earlyRenewalHours": 0,
        "isCaCertificate": False,
        "setSubjectKeyId": False,
    }

    def check(self, inputs: Plain) -> list[Problem]:
        """Checks uses and hours."""
        return [*check_uses(inputs), *check_hours(inputs)]

    def replaces(self, name: str) -> bool:
        """Only the moment of renewal can change in place."""
        return name != "earlyRenewalHours"

    def outdated(self, state: Plain, inputs: Plain) -> frozenset[str]:
        """Replaces the certificate once it is in the window that is asked for now."""
        asked = state | {"earlyRenewalHours": inputs["earlyRenewalHours"]}
        return frozenset({"readyForRenewal"} if in_renewal_window(asked) else ())

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Issues the certificate. Its id is its serial number."""
        serial = secrets.randbits(SERIAL_BITS) or 1
        start = time.time_ns()
        end = start + inputs["validityPeriodHours"] * NANOSECONDS_PER_HOUR
        builder = x509.CertificateBuilder(
            serial_number=serial,
            not_valid_before=_whole_seconds(start),
            not_valid_after=_whole_seconds(end),
        )
        pem, outputs = self.issue(add_usage(builder, inputs), inputs)
        times = {"validityStartTime": rfc3339(start), "validityEndTime": rfc3339(end)}
        at_once = inputs["earlyRenewalHours"] >= inputs["validityPeriodHours"]
        issued = {"certPem": pem, "readyForRenewal": at_once}
        return str(serial), outputs | times | issued

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Says whether the certificate has entered its renewal window."""
        return {"readyForRenewal": in_renewal_window(state)}

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Takes a new moment of renewal."""
        return {}

    @abstractmethod
    def issue(self, builder: x509.CertificateBuilder, inputs: Plain) -> tuple[str, Plain]:
        """Names subject and issuer, signs; returns the PEM and further outputs."""


class SelfSignedCert(Certificate):
    """A certificate signed with its own key, such as a CA's."""

    token = "tls:index/selfSignedCert:SelfSignedCert"
    sdk = SdkType("pulumi_tls", "SelfSignedCert")
    supported = _without_write_only(
        "allowedUses", "dnsNames", "earlyRenewalHours", "ipAddresses", "isCaCertificate",
        "maxPathLength", "privateKeyPem", "setAuthorityKeyId", "setSubjectKeyId", "subject",
        "uris", "validityPeriodHours",
    )  # fmt: skip
    defaults: ClassVar[Mapping[str, Any]] = {**Certificate.defaults, "setAuthorityKeyId": False}
    secret_outputs: ClassVar[frozenset[str]] = frozenset({"privateKeyPem"})

    def check(self, inputs: Plain) -> list[Problem]:
        """Checks that there is a key as well."""
        return [*check_required(inputs, "privateKeyPem"), *super().check(inputs)]

    def issue(self, builder: x509.CertificateBuilder, inputs: Plain) -> tuple[str, Plain]:
        """Signs with the key the certificate is for."""
        key = load("privateKeyPem", inputs["privateKeyPem"])
        name = subject_of(inputs.get("subject", {}))
        builder = builder.subject_name(name).issuer_name(name).public_key(key.public_key())
        alternatives = alternative_names(inputs)
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=not list(name))
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        if inputs["setSubjectKeyId"] or inputs["isCaCertificate"]:
            builder = builder.add_extension(own, critical=False)
        if inputs["setAuthorityKeyId"]:
            authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
            builder = builder.add_extension(authority, critical=False)
        return sign(builder, key), {"keyAlgorithm": algorithm_of(key)}


class LocallySignedCert(Certificate):
    """A certificate for a request, signed by a CA whose key Pulumi holds."""

    token = "tls:index/locallySignedCert:LocallySignedCert"
    sdk = SdkType("pulumi_tls", "LocallySignedCert")
    supported = _without_write_only(
        "allowedUses", "caCertPem", "caPrivateKeyPem", "certRequestPem", "earlyRenewalHours",
        "isCaCertificate", "maxPathLength", "setSubjectKeyId", "validityPeriodHours",
    )  # fmt: skip
    secret_outputs: ClassVar[frozenset[str]] = frozenset({"caPrivateKeyPem"})

    def check(self, inputs: Plain) -> list[Problem]:
        """Checks that there is a CA's key as well."""
        return [*check_required(inputs, "caPrivateKeyPem"), *super().check(inputs)]

    def issue(self, builder: x509.CertificateBuilder, inputs: Plain) -> tuple[str, Plain]:
        """Takes subject and alternative names from the request, signs with the CA's key."""
        request, ca = _read_request(inputs), _read_ca(inputs)
        key = load("caPrivateKeyPem", inputs["caPrivateKeyPem"])
        if key.public_key() != ca.public_key():
            raise PluginError("caPrivateKeyPem is not the key of caCertPem.")
        builder = builder.subject_name(request.subject).issuer_name(ca.subject)
        builder = builder.public_key(request.public_key())
        for extension in request.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, extension.critical)
        if inputs["setSubjectKeyId"] or inputs["isCaCertificate"]:
            own = x509.SubjectKeyIdentifier.from_public_key(request.public_key())
            builder = builder.add_extension(own, critical=False)
        authority = authority_of(ca)
        if authority is not None:
            builder = builder.add_extension(authority, critical=False)
        return sign(builder, key), {"caKeyAlgorithm": algorithm_of(key)}


def _read_request(inputs: Plain) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(inputs["certRequestPem"].encode())
    except ValueError as error:
        raise PluginError("certRequestPem is not a certificate request in PEM form.") from error
    if not request.is_signature_valid:
        raise PluginError("certRequestPem is not signed with the key that it is for.")
    return request


def _read_ca(inputs: Plain) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(inputs["caCertPem"].encode())
    except ValueError as error:
        raise PluginError("caCertPem is not a certificate in PEM form.") from error


def authority_of(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier | None:
    """Returns the CA's own key id, or None when it has none."""
    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def subject_of(subject: Plain) -> x509.Name:
    """Returns the name that a `subject` input describes."""
    parts = [
        x509.NameAttribute(oid, subject[field])
        for field, oid in SUBJECT_FIELDS.items()
        if subject.get(field)
    ]
    streets = [
        x509.NameAttribute(NameOID.STREET_ADDRESS, line)
        for line in subject.get("streetAddresses", [])
    ]
    return x509.Name([*parts, *streets])


def alternative_names(inputs: Plain) -> x509.SubjectAlternativeName | None:
    """Returns the DNS names, addresses and URIs of the inputs, or None when there are none.

    Raises:
        PluginError: an address is none. The plugin, too, looks only now, in no preview.
    """
    found: list[x509.GeneralName] = [
        *(x509.DNSName(name) for name in inputs.get("dnsNames", [])),
        *(x509.IPAddress(_address(text)) for text in inputs.get("ipAddresses", [])),
        *(x509.UniformResourceIdentifier(uri) for uri in inputs.get("uris", [])),
    ]
    return x509.SubjectAlternativeName(found) if found else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise PluginError(f"ipAddresses: {text!r} is no IPv4 or IPv6 address.") from error


def add_usage(builder: x509.CertificateBuilder, inputs: Plain) -> x509.CertificateBuilder:
    """Adds key usage, extended key usage and basic constraints."""
    uses: list[str] = inputs.get("allowedUses", [])
    bits = {KEY_USES[use] for use in uses if use in KEY_USES}
    extended = [EXTENDED_USES[use] for use in uses if use in EXTENDED_USES]
    if bits:
        usage = x509.KeyUsage(**{name: name in bits for name in KEY_USES.values()})
        builder = builder.add_extension(usage, critical=True)
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    is_ca = inputs["isCaCertificate"]
    length = inputs.get("maxPathLength") if is_ca else None
    constraints = x509.BasicConstraints(ca=is_ca, path_length=length)
    return builder.add_extension(constraints, critical=True)


def sign(builder: x509.CertificateBuilder, key: PrivateKeyTypes) -> str:
    """Returns the signed certificate as PEM."""
    certificate = builder.sign(key, signature_hash(key))
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def signature_hash(key: PrivateKeyTypes) -> Any:
    """Returns the hash a signature of this key uses; None for ED25519, which has its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()


def in_renewal_window(state: Plain) -> bool:
    """Whether a certificate has `earlyRenewalHours` or less to live."""
    end = datetime.datetime.fromisoformat(state["validityEndTime"])
    early = datetime.timedelta(hours=state.get("earlyRenewalHours", 0))
    return datetime.datetime.now(datetime.UTC) >= end - early


def _whole_seconds(nanoseconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(nanoseconds // 10**9, datetime.UTC)


def rfc3339(nanoseconds: int) -> str:
    """Returns a time as Go writes it: with all of its fraction, in this computer's zone."""
    moment = _whole_seconds(nanoseconds).astimezone()
    fraction = f".{nanoseconds % 10**9:09}".rstrip("0").rstrip(".")
    zone = moment.isoformat()[-6:] if moment.utcoffset() else "Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + zone


def check_required(inputs: Plain, name: str) -> list[Problem]:
    """The SDK leaves these optional for the sake of their write-only twins."""
    return [] if name in inputs else [Problem(name, "it is required.")]


def check_uses(inputs: Plain) -> list[Problem]:
    """Refuses unknown uses."""
    allowed = sorted({*KEY_USES, *EXTENDED_USES})
    return [
        Problem(f"allowedUses[{i}]", f"got {use!r}, expected one of {', '.join(allowed)}.")
        for i, use in _items(inputs.get("allowedUses"))
        if use not in allowed
    ]


def check_hours(inputs: Plain) -> list[Problem]:
    """Refuses negative hours."""
    return [
        Problem(name, f"got {inputs[name]}, expected 0 or more hours.")
        for name in ("validityPeriodHours", "earlyRenewalHours")
        if isinstance(inputs.get(name), int) and inputs[name] < 0
    ]


def _items(values: Any) -> list[tuple[int, str]]:
    """Returns the known texts of a list with their places."""
    return [(i, value) for i, value in enumerate(items_of(values)) if isinstance(value, str)]
