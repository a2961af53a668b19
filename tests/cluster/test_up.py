"""The main job: up, an answer at the URL, and no surprise on the second up."""

import json
from pathlib import Path

import pytest

from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually


def test_the_url_answers_from_the_app_and_says_who_answered(cluster: Stack):
    answer = cluster.get()
    assert "200 OK" in answer.out
    assert "Hello World!" in answer.out
    headers = answer.out.lower()
    assert "sinatra@500" in headers
    machine_ids = [row["machine"] for row in cluster.fleetctl_json("list-machines")]
    assert any(machine in headers for machine in machine_ids)


def test_the_app_sees_the_address_of_whoever_asks(cluster: Stack):
    gateway = cluster.run(
        "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}",
        cluster.container("load-balancer"),
    )  # fmt: skip
    # Docker's own port forwarding, or its network's gateway, stands for 127.0.0.1 in there.
    assert gateway.out.strip() in cluster.get("/ip").out


def test_outputs_tell_where_everything_is(cluster: Stack):
    outputs = cluster.outputs()
    assert outputs["load_balancer_hostname"] == "127.0.0.1"
    assert sorted(outputs["machines"]) == ["machine-1", "machine-2", "machine-3"]
    assert outputs["fleetctl_tunnel"] == "machine-1"
    units = outputs["units"]
    assert {"hello.service", "nginx.service", "sinatra@5000.service"} <= set(units)


def test_machines_have_ids_of_their_own(cluster: Stack):
    rows = cluster.fleetctl_json("list-machines")
    assert len({row["machine"] for row in rows}) == 3
    assert {row["ip"] for row in rows} == set(cluster.outputs()["machines"].values())


def test_machines_are_debian_13_and_write_utf_8(cluster: Stack):
    for machine in cluster.outputs()["machines"]:
        told = cluster.on(
            machine, ". /etc/os-release; echo $ID $VERSION_ID $LANG; docker --version"
        )
        assert told.out.startswith("debian 13 C.UTF-8\nDocker version ")


def test_a_second_up_touches_nothing(cluster: Stack):
    marks = marks_of(cluster)
    assert cluster.changes() == {}
    up = cluster.up()
    assert "unchanged" in up.out
    assert marks_of(cluster) == marks


def test_refresh_with_nothing_wrong_changes_nothing(cluster: Stack):
    marks = marks_of(cluster)
    up = cluster.up("--refresh")
    counts = up.out.rpartition("Resources:")[2]
    assert "unchanged" in counts
    for change in ("created", "updated", "deleted", "replaced"):
        assert change not in counts
    assert cluster.changes() == {}, "what was read back is no change either"
    assert marks_of(cluster) == marks


def test_changing_one_unit_file_changes_exactly_that_unit(cluster: Stack):
    unit = cluster.program / "units" / "hello.service"
    before = unit.read_text()
    try:
        unit.write_text(before.replace("every second", "every second, changed"))
        assert cluster.changes() == {"hello.service": "update"}
    finally:
        unit.write_text(before)


@pytest.mark.parametrize("unit", sorted(asking.PROGRAMS_EVERYWHERE))
def test_every_machine_runs_the_global_units(cluster: Stack, unit: str):
    rows = cluster.units()[unit]
    assert len(rows) == 3
    assert {row["active"] for row in rows} == {"active"}


def marks_of(cluster: Stack) -> list[str]:
    """What any work on a machine would change: processes' start times, and files under /etc."""
    ask = (
        "sudo find /etc /opt/fleet -newermt '-1 day' -printf '%p %T@\\n' | sort; "
        "ps -eo lstart=,args= | grep -E 'etcd|fleetd|puma|nginx: master' | grep -v grep | sort"
    )
    return [cluster.on(machine, ask).out for machine in sorted(cluster.outputs()["machines"])]


@pytest.mark.parametrize("size", [11])
def test_scaling_by_one_number_spreads_the_instances_and_fails_no_request(
    cluster: Stack, size: int
):
    # Other tests leave machines empty, which would get most of the new ones.
    cluster.fleetctl("rebalance")
    with Load(cluster.outputs()["url"]) as load:
        try:
            cluster.configure({"sinatra-instances": str(size)})
            assert cluster.changes() == {
                "sinatra@.service": "update",
                "sinatra-discovery@.service": "update",
            }
            cluster.up()
            is_spread(cluster, size)
            eventually("all instances answer", lambda: len(answering(cluster)) == size)
        finally:
            cluster.configure({"sinatra-instances": "2"})
            cluster.up()
    assert len([name for name in cluster.units() if name.startswith("sinatra@")]) == 2
    print(f"\n2 instances, {size}, and 2 again\n  {load}")
    assert not load.failed, load.failed


def is_spread(cluster: Stack, size: int) -> None:
    units = cluster.units()
    machines = [units[f"sinatra@{5000 + n}.service"][0]["machine"] for n in range(size)]
    assert sorted(machines.count(machine) for machine in set(machines)) == [3, 4, 4]
    for n in range(size):
        discovery = units[f"sinatra-discovery@{5000 + n}.service"][0]
        assert discovery["machine"] == machines[n]


def answering(cluster: Stack) -> set[str]:
    """The units that answered a round of requests."""
    url = cluster.outputs()["url"]
    fetch = ["curl", "--silent", "--include", "--max-time", "10"]
    answers = cluster.run(*fetch, *[url] * 60).out.lower().splitlines()
    return {line for line in answers if "sinatra@" in line}


def test_the_state_is_json_and_holds_the_cluster(cluster: Stack, tmp_path: Path):
    exported = json.loads(cluster.run("pulumi", "stack", "export").out)
    types = {resource["type"] for resource in exported["deployment"]["resources"]}
    assert "fleet-cluster:index:Cluster" in types
