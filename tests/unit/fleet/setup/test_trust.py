"""Whom a machine trusts, from one authority to the next."""

from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup import trust
from fleet_cluster.fleet.setup.inputs import Pair
from fleet_cluster.fleet.setup.shell import RefusedError
from fleet_cluster.fleet.setup.trust import authorities, is_introduced, with_trusted
from tests.unit.fleet.authority import Authority
from tests.unit.fleet.setup.test_files import CONFIGURATION

OLD, NEW, OTHER = (Authority(name) for name in ("old", "new", "other"))
BY_NEW = Pair(*NEW.sign("fleet"))
INTRODUCED = Pair(BY_NEW.cert + OLD.introduce(NEW), BY_NEW.key)
CONFIGURED = replace(
    CONFIGURATION,
    authority=NEW.cert,
    previous_authority=OLD.cert,
    roles={"fleet": INTRODUCED},
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
