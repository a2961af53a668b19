import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from standin.resource import Context, PluginError
from standin.tls.certificates import (
    CertRequest,
    LocallySignedCert,
    SelfSignedCert,
    in_renewal_window,
    rfc3339,
)
from standin.tls.private_key import PrivateKey, load
from standin.values import UNKNOWN

CONTEXT = Context("name")


def key(**inputs: Any) -> dict[str, Any]:
    given = {"algorithm": "ECDSA", "ecdsaCurve": "P256"} | inputs
    return PrivateKey().create(CONTEXT, dict(PrivateKey.defaults) | given)[1]


def self_signed(**inputs: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "privateKeyPem": key()["privateKeyPem"],
        "allowedUses": ["cert_signing"],
        "validityPeriodHours": 10,
        "subject": {"commonName": "CA", "streetAddresses": ["one", "two"], "country": "CH"},
    }
    given = dict(SelfSignedCert.defaults) | given | inputs
    return given | SelfSignedCert().create(CONTEXT, given)[1]


def parse(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("curve", ["P224", "P256", "P384", "P521"])
def test_curves(curve: str) -> None:
    made = key(ecdsaCurve=curve)
    assert made["privateKeyPem"].startswith("-----BEGIN EC PRIVATE KEY-----")
    has_ssh_form = curve != "P224"
    assert bool(made["publicKeyOpenssh"]) == has_ssh_form
    assert bool(made["privateKeyOpenssh"]) == has_ssh_form


def test_forms_belong_to_one_key() -> None:
    made = key(algorithm="ED25519")
    public = load("x", made["privateKeyPem"]).public_key()
    assert load("x", made["privateKeyOpenssh"]).public_key() == public
    assert serialization.load_ssh_public_key(made["publicKeyOpenssh"].encode()) == public


def test_bad_keys_are_not_shown() -> None:
    with pytest.raises(PluginError) as error:
        load("caPrivateKeyPem", "hush")
    assert "caPrivateKeyPem" in str(error.value)
    assert "hush" not in str(error.value)


def test_subjects() -> None:
    name = parse(self_signed()["certPem"]).subject
    assert name.get_attributes_for_oid(x509.NameOID.COUNTRY_NAME)[0].value == "CH"
    streets = name.get_attributes_for_oid(x509.NameOID.STREET_ADDRESS)
    assert [street.value for street in streets] == ["one", "two"]


def test_constraints_of_a_ca() -> None:
    ca = parse(self_signed(isCaCertificate=True, maxPathLength=1)["certPem"])
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 1)
    leaf = parse(self_signed()["certPem"])
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_key_that_is_not_the_cas_is_refused() -> None:
    ca = self_signed(isCaCertificate=True)
    request = CertRequest().create(CONTEXT, {"privateKeyPem": key()["privateKeyPem"]})[1]
    inputs: dict[str, Any] = dict(LocallySignedCert.defaults) | {
        "caCertPem": ca["certPem"],
        "caPrivateKeyPem": key()["privateKeyPem"],
        "certRequestPem": request["certRequestPem"],
        "allowedUses": [],
        "validityPeriodHours": 1,
    }
    with pytest.raises(PluginError, match="caPrivateKeyPem"):
        LocallySignedCert().create(CONTEXT, inputs)


def test_the_renewal_window() -> None:
    made = self_signed()
    assert not in_renewal_window(made)
    assert not in_renewal_window(made | {"earlyRenewalHours": 9})
    assert in_renewal_window(made | {"earlyRenewalHours": 10})
    assert in_renewal_window(made | {"validityEndTime": "2001-01-01T00:00:00Z"})


@pytest.mark.parametrize(
    ("before", "asked", "is_due"), [(0, 10, True), (9, 9, False), (10, 0, False)]
)
def test_the_renewal_window_is_the_one_that_is_asked_for_now(
    before: int, asked: int, is_due: bool
) -> None:
    made = self_signed(earlyRenewalHours=before)
    outdated = SelfSignedCert().outdated(made, {"earlyRenewalHours": asked})
    assert outdated == (frozenset({"readyForRenewal"}) if is_due else frozenset())


def test_a_certificate_that_is_in_its_window_from_the_start_says_so() -> None:
    assert self_signed(earlyRenewalHours=10)["readyForRenewal"]
    assert not self_signed(earlyRenewalHours=9)["readyForRenewal"]


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"allowedUses": ["server_auth", "flying"]}, "allowedUses[1]"),
        ({"validityPeriodHours": -1}, "validityPeriodHours"),
    ],
)
def test_bad_certificates_are_refused(inputs: dict[str, Any], path: str) -> None:
    found = SelfSignedCert().check({"privateKeyPem": UNKNOWN} | inputs)
    assert [problem.path for problem in found] == [path]


def test_a_bad_address_is_refused_when_the_certificate_is_made() -> None:
    assert SelfSignedCert().check({"privateKeyPem": UNKNOWN, "ipAddresses": ["10.0.0"]}) == []
    with pytest.raises(PluginError, match="10.0.0"):
        self_signed(ipAddresses=["10.0.0.1", "10.0.0"])


@pytest.mark.parametrize(
    ("nanoseconds", "zone", "text"),
    [
        (1_000_000_000_123_456_789, "UTC", "2001-09-09T01:46:40.123456789Z"),
        (1_000_000_000_120_000_000, "Asia/Kolkata", "2001-09-09T07:16:40.12+05:30"),
        (1_000_000_000_000_000_000, "UTC", "2001-09-09T01:46:40Z"),
    ],
)
def test_times_are_written_as_go_does(
    nanoseconds: int, zone: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", zone)
        time.tzset()
        assert rfc3339(nanoseconds) == text
    time.tzset()


def test_bad_keys_are_refused() -> None:
    assert [p.path for p in PrivateKey().check({"algorithm": "DSA"})] == ["algorithm"]
    found = PrivateKey().check({"algorithm": "ECDSA", "ecdsaCurve": "P1"})
    assert [p.path for p in found] == ["ecdsaCurve"]
    assert [p.path for p in CertRequest().check({})] == ["privateKeyPem"]
