"""Whom a machine trusts, from one authority to the next."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup import trust
from fleet_cluster.fleet.setup.files import File
from fleet_cluster.fleet.setup.inputs import Membership, Pair, Trust
from fleet_cluster.fleet.setup.shell import RefusedError, StepError
from fleet_cluster.fleet.setup.trust import authorities, is_introduced, with_trusted
from tests.unit.fleet.authority import Authority
from tests.unit.fleet.setup.test_files import CONFIGURATION
from tests.unit.fleet.setup.test_inputs import MEMBERSHIP

OLD, NEW, OTHER = (Authority(name) for name in ("old", "new", "other"))
BY_NEW = Pair(*NEW.sign("app"))
INTRODUCED = Pair(BY_NEW.cert + OLD.introduce(NEW), BY_NEW.key)
CONFIGURED = replace(
    CONFIGURATION,
    authority=NEW.cert,
    previous_authority=OLD.cert,
    roles={"app": INTRODUCED},
)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of authorities; it is not there yet."""
    monkeypatch.setattr(trust, "TRUSTED", tmp_path / "ca.crt")
    return tmp_path / "ca.crt"


def test_the_present_authority_comes_first_and_each_is_there_once() -> None:
    assert authorities(NEW.cert, "") == NEW.cert
    assert authorities(NEW.cert, OLD.cert) == NEW.cert + OLD.cert
    assert authorities(NEW.cert, NEW.cert + OLD.cert) == NEW.cert + OLD.cert
    assert authorities(OTHER.cert, NEW.cert + OLD.cert) == OTHER.cert + NEW.cert + OLD.cert


def test_a_machine_goes_on_to_trust_those_that_it_has_trusted(trusted: Path) -> None:
    trusted.write_text(OLD.cert)
    assert with_trusted(CONFIGURED).authority == NEW.cert + OLD.cert


def test_what_was_dropped_does_not_come_back_with_the_next_configuration(trusted: Path) -> None:
    trusted.write_text(NEW.cert)
    assert with_trusted(CONFIGURED).authority == NEW.cert


def test_a_new_machine_trusts_the_one_before_as_well(trusted: Path) -> None:
    """The others may still have its certificates."""
    assert with_trusted(CONFIGURED).authority == NEW.cert + OLD.cert
    first = replace(CONFIGURED, previous_authority="")
    assert with_trusted(first).authority == NEW.cert


@pytest.mark.parametrize("has_resolver", [True, False])
@pytest.mark.parametrize("member", [MEMBERSHIP, None])
def test_in_the_end_the_present_authority_is_trusted_alone_and_etcd_reads_that(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    member: Membership[str] | None,
    has_resolver: bool,
) -> None:
    """A machine without a resolver has no CoreDNS that could be restarted."""
    files = [tmp_path / name for name in ("fleet/ca.crt", "fleet/nginx/ca.crt", "etcd/ca.crt")]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text(NEW.cert + OLD.cert)
    seen: list[tuple[object, list[str]]] = []

    def set_up(wanted: Membership[str], bootstrap: bool) -> None:
        assert not bootstrap
        seen.append((wanted, [file.read_text() for file in files]))

    def write(path: str, file: File) -> bool:
        return bool(Path(path).write_text(file.text))

    monkeypatch.setattr(trust, "FLEET_PKI", str(tmp_path / "fleet"))
    monkeypatch.setattr(trust, "ETCD_PKI", str(tmp_path / "etcd"))
    monkeypatch.setattr(trust, "write", write)
    monkeypatch.setattr(trust, "set_member_up", set_up)
    restarted: list[tuple[str, ...]] = []

    def systemctl(*words: str) -> None:
        restarted.append(words)

    monkeypatch.setattr(trust, "systemctl", systemctl)
    monkeypatch.setattr("fleet_cluster.fleet.setup.dns.coredns.has_resolver", lambda: has_resolver)
    trust.trust(json.dumps(Trust("container-1", NEW.cert, member).to_wire()))
    assert [file.read_text() for file in files] == [NEW.cert] * 3
    dns = [("restart", "fleet-dns.service")] if has_resolver else []
    journals = ("try-restart", "fleet-journal*.service")
    assert restarted == [*dns, journals], "they read whom they trust when they start"
    assert seen == ([(MEMBERSHIP, [NEW.cert] * 3)] if member else [])


def test_what_could_not_be_restarted_just_then_is_restarted_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would go on to trust the authority that was dropped."""
    (tmp_path / "ca.crt").write_text(NEW.cert + OLD.cert)
    restarted: list[str] = []
    works = [False]

    def systemctl(*words: str) -> None:
        if not works[0]:
            raise StepError(f"systemctl {words[0]} failed")
        restarted.append(words[-1])

    def write(path: str, file: File) -> bool:
        before = Path(path).read_text()
        Path(path).write_text(file.text)
        return before != file.text

    monkeypatch.setattr(trust, "FLEET_PKI", str(tmp_path))
    monkeypatch.setattr(trust, "ETCD_PKI", str(tmp_path / "etcd"))
    monkeypatch.setattr(trust, "write", write)
    monkeypatch.setattr(trust, "systemctl", systemctl)
    monkeypatch.setattr("fleet_cluster.fleet.setup.dns.coredns.has_resolver", lambda: True)
    asked = json.dumps(Trust("container-1", NEW.cert, None).to_wire())
    with pytest.raises(StepError):
        trust.trust(asked)
    works[0] = True
    trust.trust(asked)
    assert restarted == ["fleet-dns.service", "fleet-journal*.service"]
    assert (tmp_path / "ca.crt").read_text() == NEW.cert
    trust.trust(asked)
    assert len(restarted) == 2, "nothing is to be told any more"


def test_one_that_nobody_has_introduced_is_refused(trusted: Path) -> None:
    trusted.write_text(OTHER.cert)
    with pytest.raises(RefusedError, match="certificate-authority goes up, by one at a time"):
        with_trusted(CONFIGURED)


def test_who_trusts_the_old_one_takes_what_it_has_introduced() -> None:
    assert is_introduced(INTRODUCED, OLD.cert)
    assert is_introduced(INTRODUCED, NEW.cert)
    assert is_introduced(BY_NEW, NEW.cert + OTHER.cert)
    assert not is_introduced(BY_NEW, OLD.cert)
    assert not is_introduced(INTRODUCED, OTHER.cert)
