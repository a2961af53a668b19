"""What the cluster says of itself: why units are where they are, metrics, previews."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import asking
from tests.cluster.stack import CHECKOUT, Stack, eventually

NEEDY = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nMachineMetadata=disk=ssd\n"


@pytest.fixture(scope="module")
def machines(cluster: Stack) -> dict[str, str]:
    """The machines' addresses by name."""
    found = cluster.outputs()["machines"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, found), 120)
    return found


@pytest.fixture
def needy(cluster: Stack) -> Iterator[str]:
    """A unit that fits on no machine."""
    file = cluster.program / "needy.service"
    file.write_text(NEEDY)
    cluster.fleetctl("start", "--no-block", str(file))
    try:
        yield file.name
    finally:
        cluster.fleetctl("destroy", file.name)


@pytest.mark.usefixtures("machines")
def test_a_unit_that_fits_nowhere_says_why(cluster: Stack, needy: str):
    reason = "metadata disk=ssd wanted, machine has no disk"
    listed = cluster.fleetctl("list-units")
    assert re.search(rf"{needy}\s+-\s+inactive\s+unplaced", listed.out)
    assert listed.err.count(reason) == 3
    why = cluster.fleetctl("why", needy, check=False)
    assert why.code == 1
    assert why.out.count(reason) == 3


def test_health_and_metrics_are_true(cluster: Stack, machines: dict[str, str]):
    leads: dict[str, str] = {}
    for machine, address in machines.items():
        asked = "curl --silent --fail 127.0.0.1:9179"
        assert cluster.on(machine, f"{asked}/healthz").out.strip() == "ok"
        metrics = cluster.on(machine, f"{asked}/metrics").out
        numbers = dict(re.findall(r"^(fleet_\S+) (\S+)$", metrics, re.M))
        leads[machine] = numbers["fleet_leader"]
        rows = [row for unit in cluster.units().values() for row in unit]
        here = Counter(row["active"] for row in rows if row["machine"].endswith(f"/{address}"))
        told = re.findall(r'^fleet_units\{active="(\w+)"\} (\d+)', metrics, re.M)
        assert {active: int(count) for active, count in told if int(count)} == here
    ids = asking.machine_ids(cluster, machines)
    leader = asking.fleet_leader(cluster, "machine-1")
    assert leads == {machine: str(int(ids[machine] == leader)) for machine in machines}


def test_the_journal_has_what_fleetd_did_about_a_unit(cluster: Stack, machines: dict[str, str]):
    names = {id: name for name, id in asking.machine_ids(cluster, machines).items()}
    [row] = cluster.units()["hello.service"]
    machine = names[row["machine"].partition("/")[0]]
    journal = (
        "journalctl --output=json --no-pager SYSLOG_IDENTIFIER=fleetd FLEET_UNIT=hello.service"
    )
    told = [json.loads(line) for line in cluster.on(machine, journal).out.splitlines()]
    mine = [one for one in told if one["FLEET_EVENT"] in ("start", "adopt")]
    assert mine, told
    assert {names[one["FLEET_MACHINE"]] for one in mine} == {machine}
    assert {one["_SYSTEMD_UNIT"] for one in told} == {"fleetd.service"}


def test_metadata_changes_at_run_time_and_no_other_unit_notices(
    cluster: Stack, machines: dict[str, str], needy: str
):
    before = asking.runs(cluster, machines)
    told = cluster.fleetctl("set-metadata", "machine-2", "disk=ssd")
    assert "has disk=ssd" in told.out
    place = f"/{machines['machine-2']}"
    eventually("it runs there", lambda: runs_at(cluster, needy, place))
    cluster.fleetctl("set-metadata", "machine-2", "disk=")
    eventually("it runs nowhere", lambda: cluster.units()[needy][0]["sub"] == "unplaced")
    assert asking.runs(cluster, machines) == before


def runs_at(cluster: Stack, unit: str, place: str) -> bool:
    [row] = cluster.units()[unit]
    return row["active"] == "active" and row["machine"].endswith(place)


def test_verify_needs_no_cluster(cluster: Stack, tmp_path: Path):
    away = Stack("none", CHECKOUT, tmp_path, {"FLEETCTL_TUNNEL": ""})
    units = sorted(str(path) for path in (CHECKOUT / "units").iterdir())
    assert away.fleetctl("verify", *units).out.count(" is valid\n") == len(units)
    (tmp_path / "bad.service").write_text("[Service]\nExecStart=/bin/true\n[X-Fleet]\nConflict=a\n")
    refused = away.fleetctl("verify", str(tmp_path / "bad.service"), check=False)
    assert refused.code == 1
    assert "bad.service:4: unknown option 'Conflict'" in refused.err


@pytest.mark.usefixtures("machines")
def test_a_preview_says_what_an_update_does_to_units(cluster: Stack):
    dockerfile = cluster.program / "images/sinatra/Dockerfile"
    before = dockerfile.read_text()
    try:
        cluster.configure({"sinatra-instances": "3"})
        told = cluster.preview().text
        assert re.search(r"sinatra@.service: 1 starts \(machine-\d 1\)\n", told), told
        assert re.search(r"sinatra-discovery@.service: 1 starts \(machine-\d 1\)\n", told), told
        assert "hello.service:" not in told, "it does not change"

        dockerfile.write_text(f"{before}\nENV PREVIEWED=1\n")
        told = cluster.preview().text
        rolls = "2 restart one after the other, never fewer than"
        assert "sinatra_image not known yet" in told, told
        assert re.search(rf"sinatra@.service: 1 starts \(machine-\d 1\), {rolls} 2 of 2", told), (
            told
        )
        assert f"sinatra-discovery@.service: {rolls} 1 of 2 active" in told, told
    finally:
        dockerfile.write_text(before)
        cluster.configure({"sinatra-instances": "2"})
    assert cluster.changes() == {}
