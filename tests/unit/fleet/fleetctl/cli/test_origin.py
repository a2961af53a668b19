"""Who asks for a change, and from where: what the history of units is told."""

import getpass
import socket
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.origin import AUTHOR, own_author, sources_of
from fleet_cluster.fleet.model.releases import Release


def test_it_is_the_user_on_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(AUTHOR, raising=False)
    assert own_author() == f"{getpass.getuser()}@{socket.gethostname()}"


def test_a_program_says_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AUTHOR, "pulumi shop/dev")
    assert own_author() == "pulumi shop/dev"


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_has_a_number(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def unknown() -> str:
        raise error

    monkeypatch.delenv(AUTHOR, raising=False)
    monkeypatch.setattr(getpass, "getuser", unknown)
    assert own_author().startswith("user ")


def test_what_no_record_can_hold_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AUTHOR, "a\udcff\x1b[1m")
    sources = sources_of({"web.service": Path("/home/\udcff/web.service")})
    release = Release("5a", 1.0, own_author(), sources["web.service"])
    assert Release.from_json(release.to_json()) == release
