"""What fleet imports is there before a machine gets fleet, and asked for only where it is not."""

import pytest

from fleet_cluster.fleet.setup import configure
from fleet_cluster.fleet.setup.fleetd import packages
from fleet_cluster.fleet.setup.shell import StepError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a shell is asked for."""
    found: list[str] = []

    def run(*words: str) -> str:
        found.append(words[-1])
        return ""

    monkeypatch.setattr(packages, "run", run)
    return found


def test_nothing_is_installed_where_it_is_there(asked: list[str]) -> None:
    packages.install_libraries()
    assert asked == []


def test_what_a_machine_of_before_lacks_is_installed(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "find_spec", nothing)
    packages.install_libraries()
    (command,) = asked
    first, _, again = command.partition(" || ")
    assert first.endswith("install --yes --no-install-recommends python3-h2")
    assert again == f"{{ apt-get update && {first}; }}", "its lists may be old"


def test_without_it_the_machine_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[object] = []

    def fail(*_: str) -> str:
        raise StepError("no mirror answers")

    monkeypatch.setattr(packages, "find_spec", nothing)
    monkeypatch.setattr(packages, "run", fail)
    monkeypatch.setattr(configure, "unpack", unpacked.append)
    monkeypatch.setattr(configure, "with_trusted", nothing)
    monkeypatch.setattr(configure.Configuration, "from_json", nothing)
    with pytest.raises(StepError, match="no mirror answers"):
        configure.configure("")
    assert unpacked == []


def nothing(_: object) -> None:
    """None of it."""
