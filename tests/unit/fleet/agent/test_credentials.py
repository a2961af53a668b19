"""A machine takes the secrets that its units name before it starts them, and no others."""

from collections.abc import Mapping

import pytest

from fleet_cluster.fleet.model.keys import credential_key
from fleet_cluster.fleet.model.pins import pinned
from fleet_cluster.fleet.model.records import DesiredState
from fleet_cluster.fleet.model.secrets import Delivery
from fleet_cluster.fleet.secrets.folder import MemoryFolder
from tests.unit.fleet.agents import MACHINE, Bench
from tests.unit.fleet.fakes.sealer import key_of
from tests.unit.fleet.fakes.units import SLEEPS

VERSION, NEXT = "1-9f3c", "2-04be"
UNIT = "web.service"


def file_with(version: str) -> str:
    text = SLEEPS + "LoadCredential=db-password:/run/fleet/credentials\n"
    return pinned(text, {"db-password": version})


def deliver(bench: Bench, version: str, sealed: str, machine: str = MACHINE) -> None:
    key = credential_key(machine, "db-password", version)
    bench.store.put(key, Delivery(sealed, key_of(machine)).to_json())


def test_a_unit_is_given_what_its_file_names(bench: Bench) -> None:
    deliver(bench, VERSION, "one")
    bench.run(UNIT, file_with(VERSION))
    assert bench.folder.units == {UNIT: {"db-password": "one"}}
    assert bench.calls()[-1].startswith("start")


def test_a_unit_waits_for_a_secret_that_is_not_there_and_says_so(bench: Bench) -> None:
    deliver(bench, VERSION, "of another", "m2")
    bench.assign(UNIT, file_with(VERSION))
    bench.settle()
    state = bench.state(UNIT)
    assert state and "waits for secret db-password" in state.problem
    assert not bench.folder.units and "start web.service" not in bench.calls()
    deliver(bench, VERSION, "one")
    bench.agent.resync()
    bench.settle()
    assert bench.folder.units == {UNIT: {"db-password": "one"}}


def test_another_version_comes_with_another_file(bench: Bench) -> None:
    deliver(bench, VERSION, "one")
    bench.run(UNIT, file_with(VERSION))
    deliver(bench, NEXT, "two")
    bench.act()
    assert bench.folder.units == {UNIT: {"db-password": "one"}}
    bench.run(UNIT, file_with(NEXT))
    assert bench.folder.units == {UNIT: {"db-password": "two"}}


def test_a_unit_that_leaves_takes_it_along(bench: Bench) -> None:
    deliver(bench, VERSION, "one")
    bench.run(UNIT, file_with(VERSION))
    bench.assign(UNIT, file_with(VERSION), DesiredState.INACTIVE)
    bench.settle()
    assert bench.folder.units == {}


def test_a_malformed_delivery_counts_as_none(bench: Bench) -> None:
    bench.store.put(credential_key(MACHINE, "db-password", VERSION), "{")
    bench.assign(UNIT, file_with(VERSION))
    bench.settle()
    state = bench.state(UNIT)
    assert state and "waits for secret" in state.problem


def test_a_quadlet_is_given_it_by_the_name_that_systemd_asks_with(bench: Bench) -> None:
    text = "[Container]\nImage=web\n[Service]\nLoadCredential=db-password:/run/fleet/credentials\n"
    deliver(bench, VERSION, "one")
    bench.run("web.container", pinned(text, {"db-password": VERSION}))
    assert bench.folder.units == {"web.service": {"db-password": "one"}}
    bench.assign("web.container", pinned(text, {"db-password": VERSION}), DesiredState.INACTIVE)
    bench.settle()
    assert bench.folder.units == {}


def test_what_is_sealed_to_a_key_that_the_machine_had_is_waited_for_anew(bench: Bench) -> None:
    """Otherwise it would be taken for good, and could not be opened."""
    stale = Delivery("one", key_of("before")).to_json()
    bench.store.put(credential_key(MACHINE, "db-password", VERSION), stale)
    bench.assign(UNIT, file_with(VERSION))
    bench.settle()
    assert not bench.folder.units and "start web.service" not in bench.calls()
    deliver(bench, VERSION, "two")
    bench.agent.resync()
    bench.settle()
    assert bench.folder.units == {UNIT: {"db-password": "two"}}


def test_a_folder_that_cannot_be_written_keeps_no_other_unit_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(bench, VERSION, "one")
    write = bench.folder.write

    def full(self: MemoryFolder, unit: str, sealed: Mapping[str, str]) -> None:
        if sealed:
            raise OSError(28, "No space left on device")
        write(unit, sealed)

    monkeypatch.setattr(MemoryFolder, "write", full)
    bench.assign(UNIT, file_with(VERSION))
    bench.assign("z.service", SLEEPS)
    bench.settle()
    state = bench.state(UNIT)
    assert state and "No space left on device" in state.problem
    assert "start z.service" in bench.calls()
