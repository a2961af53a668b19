"""A socket that accepts connections has its template on the machine."""

import logging

import pytest

from fleet_cluster.fleet.model.keys import file_key, unit_key
from fleet_cluster.fleet.model.records import DesiredState, Unit
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.agents import Bench
from tests.unit.fleet.fakes.units import SLEEPS

SOCKET = "[Socket]\nListenStream=7077\nAccept=yes\n"
TEMPLATE = "[Service]\nExecStart=-/bin/cat\n"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def submit(bench: Bench, name: str, text: str) -> None:
    bench.store.put(file_key(sha_of(text)), text)
    bench.store.put(unit_key(name), Unit(sha_of(text), DesiredState.INACTIVE).to_json())


def test_the_template_comes_and_goes_with_the_socket(bench: Bench) -> None:
    submit(bench, "echo@.service", TEMPLATE)
    bench.run("echo.socket", SOCKET)
    assert bench.systemd.disk == {"echo.socket": SOCKET, "echo@.service": TEMPLATE}
    bench.assign("echo.socket", SOCKET, DesiredState.INACTIVE)
    bench.settle()
    assert bench.systemd.disk == {}


def test_the_last_of_several_sockets_takes_it_along(bench: Bench) -> None:
    submit(bench, "echo@.service", TEMPLATE)
    bench.run("echo@1.socket", SOCKET)
    bench.run("echo@2.socket", SOCKET)
    bench.assign("echo@1.socket", SOCKET, DesiredState.INACTIVE)
    bench.settle()
    assert bench.systemd.disk.keys() == {"echo@2.socket", "echo@.service"}


def test_other_sockets_have_none(bench: Bench) -> None:
    submit(bench, "echo@.service", TEMPLATE)
    bench.run("echo.socket", SOCKET.replace("yes", "no"))
    assert bench.systemd.disk.keys() == {"echo.socket"}


def test_a_template_is_no_unit_that_was_found(bench: Bench) -> None:
    submit(bench, "echo@.service", TEMPLATE)
    bench.run("echo.socket", SOCKET)
    bench.restart()
    bench.settle()
    assert bench.state("echo@.service") is None
    assert bench.state("echo.socket") is not None
    assert bench.systemd.disk.keys() == {"echo.socket", "echo@.service"}


@pytest.mark.parametrize("record", [None, "{", '{"sha": "gone", "target": "inactive"}'])
def test_without_a_template_the_rest_goes_on(
    record: str | None, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    if record:
        bench.store.put(unit_key("echo@.service"), record)
    with caplog.at_level(logging.ERROR):
        bench.run("echo.socket", SOCKET)
        bench.run("web.service", SLEEPS)
    assert bench.systemd.disk.keys() == {"echo.socket", "web.service"}
    assert "echo@.service is not in the cluster" in caplog.text
