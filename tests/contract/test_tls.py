"""`tls.PrivateKey` and certificates: what openssl and SSH make of them."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any

import pulumi
import pulumi_tls as tls
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store

from tests.contract.harness import EngineFailed, Program, Project

CA_USES = ["cert_signing", "crl_signing", "digital_signature"]
KEYS: dict[str, dict[str, Any]] = {
    "rsa": {"algorithm": "RSA", "rsa_bits": 2048},
    "p256": {"algorithm": "ECDSA", "ecdsa_curve": "P256"},
    "p384": {"algorithm": "ECDSA", "ecdsa_curve": "P384"},
    "ed25519": {"algorithm": "ED25519"},
}
KEY_OUTPUTS = (
    "private_key_pem",
    "private_key_pem_pkcs8",
    "private_key_openssh",
    "public_key_openssh",
    "public_key_pem",
    "public_key_fingerprint_md5",
    "public_key_fingerprint_sha256",
)


def keys() -> None:
    for name, arguments in KEYS.items():
        key = tls.PrivateKey(name, **arguments)
        for output in KEY_OUTPUTS:
            pulumi.export(f"{name}.{output}", getattr(key, output))


def test_keys_of_every_algorithm(project: Project) -> None:
    done = project.up(keys)
    state = project.state()
    for name in KEYS:
        key = {output: done.outputs[f"{name}.{output}"] for output in KEY_OUTPUTS}
        private: Any = serialization.load_pem_private_key(key["private_key_pem"].encode(), None)
        same = [
            serialization.load_pem_private_key(key["private_key_pem_pkcs8"].encode(), None),
            serialization.load_ssh_private_key(key["private_key_openssh"].encode(), None),
        ]
        public = private.public_key()
        assert all(other.public_key() == public for other in same)
        assert serialization.load_pem_public_key(key["public_key_pem"].encode()) == public
        assert serialization.load_ssh_public_key(key["public_key_openssh"].encode()) == public
        assert key["public_key_openssh"].endswith("\n")
        assert key["public_key_fingerprint_sha256"].startswith("SHA256:")
        assert len(key["public_key_fingerprint_md5"].split(":")) == hashlib.md5().digest_size
        assert key["private_key_pem"].splitlines()[1] not in state
    assert "BEGIN RSA PRIVATE KEY" in done.outputs["rsa.private_key_pem"]
    assert "BEGIN EC PRIVATE KEY" in done.outputs["p256.private_key_pem"]
    assert "BEGIN PRIVATE KEY" in done.outputs["ed25519.private_key_pem"]
    again = project.up(keys, refresh=True)
    assert all(steps.endswith("same") for steps in again.steps.values())


def chain(uses: list[str] | None = None, ip: str = "10.0.0.1", hours: int = 100) -> Program:
    """A CA, a request and a certificate."""

    def program() -> None:
        ca_key = tls.PrivateKey("ca-key", algorithm="ECDSA", ecdsa_curve="P256")
        ca = tls.SelfSignedCert(
            "ca",
            private_key_pem=ca_key.private_key_pem,
            subject={"common_name": "The CA", "organization": "Us"},
            allowed_uses=CA_USES,
            is_ca_certificate=True,
            set_subject_key_id=True,
            set_authority_key_id=True,
            validity_period_hours=1000,
        )
        key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P256")
        request = tls.CertRequest(
            "request",
            private_key_pem=key.private_key_pem,
            subject={"common_name": "member"},
            dns_names=["member.example", "localhost"],
            ip_addresses=[ip, "127.0.0.1"],
        )
        cert = tls.LocallySignedCert(
            "cert",
            ca_cert_pem=ca.cert_pem,
            ca_private_key_pem=ca_key.private_key_pem,
            cert_request_pem=request.cert_request_pem,
            allowed_uses=uses or ["digital_signature", "server_auth", "client_auth"],
            validity_period_hours=hours,
            set_subject_key_id=True,
        )
        pulumi.export("ca", ca.cert_pem)
        pulumi.export("cert", cert.cert_pem)
        pulumi.export("key", key.public_key_pem)
        pulumi.export("end", cert.validity_end_time)
        pulumi.export("renew", cert.ready_for_renewal)

    return program


def test_a_chain_verifies(project: Project) -> None:
    done = project.up(chain())
    ca, cert = (x509.load_pem_x509_certificate(done.outputs[n].encode()) for n in ("ca", "cert"))
    verifier = PolicyBuilder().store(Store([ca]))
    verifier.build_server_verifier(x509.DNSName("member.example")).verify(cert, [])
    assert cert.subject.rfc4514_string() == "CN=member"
    assert cert.issuer == ca.subject
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["member.example", "localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "127.0.0.1"]
    authority = cert.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert authority.key_identifier == subject.key_identifier
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.key_encipherment) == (True, True, False)
    assert (cert.not_valid_after_utc - cert.not_valid_before_utc).total_seconds() == 360_000
    assert cert.serial_number.bit_length() <= 128
    assert done.outputs["renew"] is False


def test_only_what_depends_on_a_change_is_replaced(project: Project) -> None:
    project.up(chain())
    assert set(project.up(chain(), refresh=True).steps) >= {"ca", "cert"}
    done = project.up(chain(ip="10.0.0.2"))
    replaced = {name for name, steps in done.steps.items() if "replace" in steps}
    assert replaced == {"request", "cert"}


def test_preview_knows_no_certificate(project: Project) -> None:
    assert set(project.preview(chain()).steps.values()) == {"create"}


def test_times_have_nanoseconds_in_the_local_zone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    done = project.up(chain())
    end = done.outputs["end"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{4,9}\+05:30", end), end
    cert = x509.load_pem_x509_certificate(done.outputs["cert"].encode())
    assert datetime.fromisoformat(end).replace(microsecond=0) == cert.not_valid_after_utc


def test_a_bad_address_fails_in_up_and_not_in_the_preview(project: Project) -> None:
    project.preview(chain(ip="10.0.0"))
    with pytest.raises(EngineFailed) as failure:
        project.up(chain(ip="10.0.0"))
    assert "10.0.0" in failure.value.text


def test_uses_that_only_some_programs_know(project: Project) -> None:
    uses = {
        "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
        "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
        "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
        "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    }
    done = project.up(chain(uses=list(uses)))
    cert = x509.load_pem_x509_certificate(done.outputs["cert"].encode())
    usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [identifier.dotted_string for identifier in usage] == list(uses.values())


def renewing(early: int) -> Program:
    def program() -> None:
        key = tls.PrivateKey("key", algorithm="ED25519")
        cert = tls.SelfSignedCert(
            "cert",
            private_key_pem=key.private_key_pem,
            allowed_uses=["server_auth"],
            validity_period_hours=10,
            early_renewal_hours=early,
        )
        pulumi.export("cert", cert.cert_pem)
        pulumi.export("end", cert.validity_end_time)

    return program


def test_another_moment_of_renewal_keeps_the_certificate(project: Project) -> None:
    first = project.up(renewing(early=0))
    done = project.up(renewing(early=1))
    assert done.steps["cert"] == "update"
    assert done.outputs == first.outputs
    assert project.up(renewing(early=1)).steps["cert"] == "same"


def test_a_certificate_in_its_renewal_window_is_replaced_by_a_later_up(project: Project) -> None:
    first = project.up(renewing(early=10))
    second = project.up(renewing(early=10))
    assert "replace" in second.steps["cert"]
    assert first.outputs["cert"] != second.outputs["cert"]


def test_a_window_that_has_begun_already_replaces_it_at_once(project: Project) -> None:
    first = project.up(renewing(early=0))
    second = project.up(renewing(early=10))
    assert "replace" in second.steps["cert"]
    assert first.outputs["cert"] != second.outputs["cert"]


def test_without_early_renewal_it_stays(project: Project) -> None:
    project.up(renewing(early=0))
    assert project.up(renewing(early=0)).steps["cert"] == "same"


def test_an_unknown_use_or_algorithm_is_refused(project: Project) -> None:
    with pytest.raises(EngineFailed):
        project.up(lambda: tls.PrivateKey("key", algorithm="DSA") and None)
