"""`tls.PrivateKey`: RSA, ECDSA and ED25519 keys in PEM and OpenSSH form."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ..inputs import Problem, SdkType
from ..resource import Context, PluginError, Resource
from ..values import Plain

ALGORITHMS = ("RSA", "ECDSA", "ED25519")
CURVES = {"P224": ec.SECP224R1(), "P256": ec.SECP256R1(), "P384": ec.SECP384R1(),
          "P521": ec.SECP521R1()}  # fmt: skip
PEM = serialization.Encoding.PEM
FORMATS = serialization.PrivateFormat
PLAIN_TEXT = serialization.NoEncryption()

PrivateKeyTypes = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class PrivateKey(Resource):
    """A new key; any change of its inputs makes another one."""

    token = "tls:index/privateKey:PrivateKey"
    sdk = SdkType("pulumi_tls", "PrivateKey")
    defaults: ClassVar[Mapping[str, Any]] = {"ecdsaCurve": "P224", "rsaBits": 2048}
    secret_outputs: ClassVar[frozenset[str]] = frozenset(
        {"privateKeyPem", "privateKeyOpenssh", "privateKeyPemPkcs8"}
    )

    def check(self, inputs: Plain) -> list[Problem]:
        """Checks the algorithm and the curve."""
        return [
            Problem(name, f"got {inputs[name]!r}, expected one of {', '.join(allowed)}.")
            for name, allowed in (("algorithm", ALGORITHMS), ("ecdsaCurve", CURVES))
            if isinstance(inputs.get(name), str) and inputs[name] not in allowed
        ]

    def replaces(self, name: str) -> bool:
        """A key cannot change."""
        return True

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Generates the key. Its id is the SHA-1 of the public key."""
        key = generate(inputs)
        public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        identity = hashlib.sha1(public, usedforsecurity=False).hexdigest()
        return identity, private_forms(key) | public_forms(key, public)


def generate(inputs: Plain) -> PrivateKeyTypes:
    """Returns a new key of the inputs' algorithm."""
    if inputs["algorithm"] == "RSA":
        return rsa.generate_private_key(65537, inputs["rsaBits"])
    if inputs["algorithm"] == "ECDSA":
        return ec.generate_private_key(CURVES[inputs["ecdsaCurve"]])
    return ed25519.Ed25519PrivateKey.generate()


def algorithm_of(key: object) -> str:
    """Returns RSA, ECDSA or ED25519."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def private_forms(key: PrivateKeyTypes) -> Plain:
    """Returns the key as PEM (PKCS#1, SEC 1 or PKCS#8 as the algorithm has it) and OpenSSH."""
    is_ed25519 = isinstance(key, ed25519.Ed25519PrivateKey)
    pem_format = FORMATS.PKCS8 if is_ed25519 else FORMATS.TraditionalOpenSSL
    return {
        "privateKeyPem": _private_text(key, pem_format),
        "privateKeyPemPkcs8": _private_text(key, FORMATS.PKCS8),
        "privateKeyOpenssh": _private_text(key, FORMATS.OpenSSH) if _has_ssh_form(key) else "",
    }


def public_forms(key: PrivateKeyTypes, pem: bytes) -> Plain:
    """Returns the public key and its fingerprints; empty SSH forms for P224, which SSH lacks."""
    blob, line = b"", ""
    if _has_ssh_form(key):
        encoding, form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        text = key.public_key().public_bytes(encoding, form)
        blob, line = base64.b64decode(text.split()[1]), text.decode() + "\n"
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    pairs = ":".join(md5[i : i + 2] for i in range(0, len(md5), 2))
    return {
        "publicKeyPem": pem.decode(),
        "publicKeyOpenssh": line,
        "publicKeyFingerprintMd5": pairs if blob else "",
        "publicKeyFingerprintSha256": f"SHA256:{sha256}" if blob else "",
    }


def _private_text(key: PrivateKeyTypes, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(PEM, form, PLAIN_TEXT).decode()


def _has_ssh_form(key: PrivateKeyTypes) -> bool:
    return not (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp224r1")


def load(name: str, pem: str) -> PrivateKeyTypes:
    """Returns the key of an input; the error names the input and never quotes the key."""
    try:
        if "OPENSSH PRIVATE KEY" in pem:
            key: Any = serialization.load_ssh_private_key(pem.encode(), None)
        else:
            key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise PluginError(f"{name} is not a private key in PEM form without a password.") from error
    if isinstance(key, PrivateKeyTypes):
        return key
    raise PluginError(f"{name} is not an RSA, ECDSA or ED25519 key.")
