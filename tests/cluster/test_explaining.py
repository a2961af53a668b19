"""What the cluster says of itself: why units are where they are, metrics, previews."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
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


@pytest.fixture
def limited(cluster: Stack) -> Iterator[Callable[[str, str], Path]]:
    """Writes the file of a unit that only sleeps, with these lines in its [X-Fleet]."""
    files: list[Path] = []

    def write(name: str, options: str) -> Path:
        files.append(cluster.program / name)
        files[-1].write_text(f"[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\n{options}\n")
        return files[-1]

    try:
        yield write
    finally:
        for file in files:
            cluster.fleetctl("destroy", file.name.replace("@.", "@*."), check=False)


@pytest.mark.usefixtures("machines")
def test_what_has_no_room_is_refused_with_the_numbers(
    cluster: Stack, limited: Callable[[str, str], Path]
):
    started = cluster.fleetctl("start", str(limited("big.service", "Memory=900T")), check=False)
    assert started.code == 1
    numbers = re.compile(r"memory: 900T wanted, \S+ of \S+ not reserved")
    assert len(numbers.findall(started.err)) == 3, started.err
    assert len(numbers.findall(cluster.fleetctl("why", "big.service", check=False).out)) == 3


@pytest.mark.usefixtures("machines")
def test_no_machine_has_more_instances_than_may_be(
    cluster: Stack, limited: Callable[[str, str], Path]
):
    file = limited("one-each@.service", "MaxPerMachine=1")
    instances = [f"{file.parent}/one-each@{number}.service" for number in range(1, 4)]
    cluster.fleetctl("start", *instances)
    units = cluster.units()
    where = {units[Path(one).name][0]["machine"] for one in instances}
    assert len(where) == 3
    more = cluster.fleetctl("start", f"{file.parent}/one-each@4.service", check=False)
    assert more.code == 1
    assert more.err.count("has 1 of one-each@.service already, and MaxPerMachine=1") == 3


def test_health_and_metrics_are_true(cluster: Stack, machines: dict[str, str]):
    # etcd is asked every 15 s: for so long, a member that was restarted is told of. And fleetd,
    # etcd and this test look one after the other, with another leader perhaps in between.
    for machine, address in machines.items():
        eventually(f"{machine} is well", lambda on=machine: ask(cluster, on, "healthz") == "ok\n")
        eventually(
            f"{machine} tells of its units",
            lambda on=machine, at=address: units_told(cluster, on) == units_listed(cluster, at),
        )
    eventually("all tell of one leader", lambda: told_leader(cluster, machines))


def ask(cluster: Stack, machine: str, what: str) -> str:
    """What a machine's fleetd answers."""
    return cluster.on(machine, f"curl --silent --fail 127.0.0.1:9179/{what}").out


def units_told(cluster: Stack, machine: str) -> dict[str, int]:
    """How many units a machine has in each state, by its metrics."""
    metrics = ask(cluster, machine, "metrics")
    told = re.findall(r'^fleet_units\{active="(\w+)"\} (\d+)', metrics, re.M)
    return {active: int(count) for active, count in told if int(count)}


def units_listed(cluster: Stack, address: str) -> dict[str, int]:
    """The same by `fleetctl list-units`."""
    rows = [row for unit in cluster.units().values() for row in unit]
    return Counter(row["active"] for row in rows if row["machine"].endswith(f"/{address}"))


def told_leader(cluster: Stack, machines: dict[str, str]) -> bool:
    """Whether the one that leads says so, and no other does."""
    told = {machine: ask(cluster, machine, "metrics") for machine in machines}
    leads = {one for one in told if re.search("^fleet_leader 1$", told[one], re.M)}
    ids, leader = asking.machine_ids(cluster, machines), asking.fleet_leader(cluster, "machine-1")
    assert [ids.get(one) for one in leads] == [leader], (leads, leader)
    return True


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
        starts = r"1 starts \(machine-\d 1\)"
        told = preview_that_says(
            cluster,
            rf"sinatra@.service: {starts}\n",
            rf"sinatra-discovery@.service: {starts}\n",
        )
        assert "hello.service:" not in told, "it does not change"

        dockerfile.write_text(f"{before}\nENV PREVIEWED=1\n")
        rolls = "2 restart one after the other, never fewer than"
        preview_that_says(
            cluster,
            "sinatra_image not known yet",
            rf"sinatra@.service: {starts}, {rolls} 2 of 2",
            f"sinatra-discovery@.service: {rolls} 1 of 2 active",
        )
    finally:
        dockerfile.write_text(before)
        cluster.configure({"sinatra-instances": "2"})
    assert cluster.changes() == {}


def preview_that_says(cluster: Stack, *patterns: str) -> str:
    """A preview's text; of units it says nothing where a slow cluster would hold it up."""
    told = ""

    def says() -> bool:
        nonlocal told
        told = cluster.preview().text
        missing = [one for one in patterns if not re.search(one, told)]
        assert not missing, (missing, told)
        return True

    eventually("a preview says so", says, 180)
    return told
