"""The ten unit files of tests/unit_files, started on machines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster.fleet.unitfiles import directives
from tests.checkout import CHECKOUT
from tests.cluster.stack import Stack, eventually
from tests.unit_files.outcomes import ACCEPTED, FOLDER, PORT, REFUSED, REMARKS

UNITS = [name for name in ACCEPTED if "@." not in name]
SAY_HALLO = f"exec 3<>/dev/tcp/127.0.0.1/{PORT}; echo hallo >&3; read -r answer <&3; echo $answer"


def test_the_table_of_what_systemd_knows_is_of_the_machines_release(cluster: Stack):
    ssh = ("ssh", "-F", cluster.environment()["FLEETCTL_SSH_CONFIG"], "machine-1", "python3 -")
    program = (CHECKOUT / "toolchain/directives.py").read_text()
    assert cluster.run(*ssh, stdin=program).out == Path(directives.__file__).read_text()


@pytest.fixture(scope="module")
def told(cluster: Stack) -> Iterator[str]:
    """What fleetctl says of those that are accepted while it starts them."""
    try:
        started = cluster.fleetctl("start", *(str(FOLDER / name) for name in UNITS))
        yield started.err
    finally:
        cluster.fleetctl("destroy", *ACCEPTED)


def test_what_verify_accepts_is_active(cluster: Stack, told: str):
    units = cluster.units()
    assert {name: units[name][0]["active"] for name in UNITS} == dict.fromkeys(UNITS, "active")
    for remark in (line for lines in REMARKS.values() for line in lines):
        assert told.count(remark) == 1


@pytest.mark.usefixtures("told")
def test_a_socket_accepts_with_its_template(cluster: Stack, machines: dict[str, str]):
    address = cluster.units()["echo.socket"][0]["machine"].partition("/")[2]
    (machine,) = [name for name in machines if machines[name] == address]
    assert cluster.on(machine, f"bash -c '{SAY_HALLO}'").out == "hallo\n"
    cluster.fleetctl("destroy", "echo.socket")
    left = "ls /run/systemd/system /run/fleet/units"
    eventually("nothing is left of it", lambda: "echo" not in cluster.on(machine, left).out)
    cluster.fleetctl("start", str(FOLDER / "echo.socket"))


@pytest.mark.parametrize("name", REFUSED)
def test_what_verify_refuses_does_not_come_to_a_machine(cluster: Stack, name: str):
    refused = cluster.fleetctl("start", str(FOLDER / name), check=False)
    assert refused.code == 1
    # Before it, a slow computer is told of.
    assert f"\nfleetctl: {REFUSED[name]}" in f"\n{refused.err}"
    assert name not in cluster.fleetctl("list-unit-files").out
