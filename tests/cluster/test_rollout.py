"""Rollouts on real machines: no request is lost, and a broken image does not get far."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

INSTANCES = ["sinatra@5000.service", "sinatra@5001.service"]


@pytest.fixture
def kept(cluster: Stack) -> Iterator[Path]:
    """The program's folder; what a test changes in it is put back, here and in the cluster."""
    files = ["units/sinatra@.service", "units/nginx.service", "images/sinatra/Dockerfile"]
    before = {name: (cluster.program / name).read_text() for name in files}
    try:
        yield cluster.program
    finally:
        for name, text in before.items():
            (cluster.program / name).write_text(text)
        cluster.up()


def invocations(cluster: Stack, machines: dict[str, str]) -> dict[str, str]:
    """The present run of each instance."""
    found = asking.runs(cluster, machines)
    return {unit: run.invocation for (_, unit), run in found.items() if unit in INSTANCES}


def test_a_new_image_rolls_without_a_failed_request(cluster: Stack, kept: Path):
    machines, url = cluster.outputs()["machines"], cluster.outputs()["url"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    places, runs = asking.placements(cluster, machines), invocations(cluster, machines)
    dockerfile = kept / "images/sinatra/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "\nENV ROLLED=1\n")
    with Load(url) as load:
        cluster.up()
    print(load)
    assert not load.failed, load.failed
    assert asking.placements(cluster, machines) == places, "they stay on their machines"
    after = invocations(cluster, machines)
    assert all(after[unit] != runs[unit] for unit in INSTANCES)


def test_a_global_unit_rolls_machine_by_machine_without_a_failed_request(
    cluster: Stack, kept: Path
):
    machines, url = cluster.outputs()["machines"], cluster.outputs()["url"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    before = nginx_runs(cluster, machines)
    unit = kept / "units/nginx.service"
    unit.write_text(unit.read_text().replace("Description=nginx", "Description=another nginx"))
    with Load(url) as load:
        cluster.up()
    print(load)
    assert not load.failed, load.failed
    after = nginx_runs(cluster, machines)
    assert all(after[machine].invocation != before[machine].invocation for machine in machines)
    apart = asking.seconds_between(after.values())
    assert apart >= asking.HEALTHY_SECONDS, "each was healthy before the next was touched"


def nginx_runs(cluster: Stack, machines: dict[str, str]) -> dict[str, asking.Run]:
    """The present run of nginx on each machine."""
    found = asking.runs(cluster, machines)
    return {machine: found[machine, "nginx.service"] for machine in machines}


def test_a_broken_image_stops_after_the_first_and_goes_back(cluster: Stack, kept: Path):
    machines, url = cluster.outputs()["machines"], cluster.outputs()["url"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    # fleetctl runs on machine-1, and is to know what happens on another.
    cluster.fleetctl("drain", "machine-1")
    cluster.fleetctl("uncordon", "machine-1")
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    assert "machine-1" not in asking.placements(cluster, machines).values()
    runs = invocations(cluster, machines)
    dockerfile = kept / "images/sinatra/Dockerfile"
    broken = 'CMD ["sh", "-c", "echo broken-$((40+2)); exit 3"]'
    dockerfile.write_text(f"{dockerfile.read_text()}\n{broken}\n")
    with Load(url) as load:
        refused = cluster.up(check=False)
    print(load)
    assert refused.code != 0
    assert "sinatra@5000.service: it failed on" in refused.text
    assert "Going back: sinatra@5000.service" in refused.text
    assert "broken-42" in refused.text, "the journal's last lines, not the build's"
    assert not load.failed, load.failed
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    after = invocations(cluster, machines)
    assert after["sinatra@5001.service"] == runs["sinatra@5001.service"], "it was not touched"
