"""Faults that stay where they are, on real machines; and what is done is not done again."""

import re
from collections.abc import Iterator

import pytest

from tests.cluster import asking, faults
from tests.cluster.disk_faults import full_run_directory, without_room_for_images
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n"
VICTIM = "machine-2"


@pytest.fixture
def sleeper(cluster: Stack, machines: dict[str, str]) -> Iterator[str]:
    """A unit that is to run on the victim only, gone at the end; not started."""
    id = asking.machine_ids(cluster, machines)[VICTIM]
    unit = cluster.program / "sleeper.service"
    unit.write_text(f"{SLEEPS}[X-Fleet]\nMachineID={id}\n")
    yield str(unit)
    cluster.fleetctl("destroy", unit.name, check=False)


def healthz(cluster: Stack) -> str:
    return cluster.on(VICTIM, "curl --silent 127.0.0.1:9179/healthz").out


@pytest.mark.usefixtures("undisturbed")
def test_fleetd_outlives_a_full_run_directory_and_says_so(
    cluster: Stack, machines: dict[str, str], url: str, sleeper: str
):
    fleetd = "systemctl show --property=NRestarts --property=InvocationID fleetd.service"
    before = cluster.on(VICTIM, fleetd).out
    with Load(url) as load, full_run_directory(cluster, VICTIM):
        eventually("it is told", lambda: "No space left on device" in healthz(cluster))
        sick = "sick: /run "
        eventually(
            "it counts as sick",
            lambda: listed_state(cluster, machines[VICTIM]).startswith(sick),
        )
        refused = cluster.fleetctl("start", sleeper, check=False)
        assert refused.code == 1 and sick in refused.text
        assert len(cluster.fleetctl_json("list-machines")) == 3
    assert not load.failed, load.failed
    assert cluster.on(VICTIM, fleetd).out == before
    unit = "sleeper.service"
    eventually("it starts", lambda: cluster.units()[unit][0]["active"] == "active")
    eventually("all is well", lambda: healthz(cluster) == "ok\n")


def images(stack: Stack) -> set[str]:
    """Ids of the victim's images."""
    return set(stack.on(VICTIM, "docker images --quiet --no-trunc").out.split())


def listed_state(stack: Stack, address: str) -> str:
    """What `list-machines` says of a machine."""
    (found,) = [one for one in stack.fleetctl_json("list-machines") if one["ip"] == address]
    return found["state"]


@pytest.mark.usefixtures("undisturbed")
def test_machine_short_of_room_prunes_images_and_says_so(cluster: Stack, machines: dict[str, str]):
    reserve = "sudo stat --format=%b /var/lib/etcd/reserved"
    eventually("room is kept", lambda: int(cluster.on(VICTIM, reserve).out) >= 2 * 128 * 1024)
    cluster.on(VICTIM, "systemctl is-active fleet-prune-images.timer")
    used = images(cluster)
    cluster.on(VICTIM, "tar --create --files-from=/dev/null | docker import - unused")
    (unused,) = images(cluster) - used
    cluster.on(VICTIM, "sudo systemctl start fleet-prune-images.service")
    assert unused in images(cluster), "it is younger than three days"
    with without_room_for_images(cluster, VICTIM):
        eventually("it is pruned", lambda: unused not in images(cluster))
        short = "sick: /var/lib/containers is short of room"
        eventually("it is told", lambda: listed_state(cluster, machines[VICTIM]) == short)
        # Podman, which is asked to prune there too, takes some of the rest.
        assert re.search(r"/var/lib/containers has [01] of 16 MiB left", healthz(cluster))
    eventually("it is well", lambda: not listed_state(cluster, machines[VICTIM]))


@pytest.mark.usefixtures("undisturbed")
def test_bad_records_stop_nothing_and_are_told(
    cluster: Stack, machines: dict[str, str], sleeper: str
):
    fleetd = "systemctl show --property=InvocationID fleetd.service"
    others = [machine for machine in machines if machine != VICTIM]
    before = [cluster.on(machine, fleetd).out for machine in others]
    with faults.bad_records(cluster):
        told = cluster.fleetctl("list-machines")
        for key in faults.BAD_RECORDS:
            assert told.err.count(f"{key} cannot be used") == 1
        assert "/fleet/units/\\udcff.service cannot be used" in told.err
        cluster.fleetctl("start", sleeper)
        assert cluster.units()["sleeper.service"][0]["active"] == "active"
        # What was there before is told of for some seconds more.
        eventually("nothing of it is a fault", lambda: healthz(cluster) == "ok\n")
        cluster.on(VICTIM, "sudo systemctl restart fleetd.service")
        cluster.fleetctl("destroy", "sleeper.service")
    assert [cluster.on(machine, fleetd).out for machine in others] == before


def test_a_unit_file_changed_by_hand_is_not_what_a_restart_runs(cluster: Stack, sleeper: str):
    cluster.fleetctl("start", sleeper)
    file = "/run/systemd/system/sleeper.service"
    cluster.on(VICTIM, f"sudo sed -i s/infinity/987/ {file} && sudo systemctl daemon-reload")
    cluster.fleetctl("restart", "sleeper")
    shown = cluster.on(
        VICTIM, "systemctl show --property=ExecStart sleeper.service; pgrep -x sleep -a"
    )
    assert "/bin/sleep infinity" in shown.out and "987" not in shown.out


def test_a_job_that_is_done_is_not_run_again_when_its_machine_is_drained(
    cluster: Stack, machines: dict[str, str]
):
    job = cluster.program / "job.service"
    job.write_text("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'date +%s%N >> /var/tmp/job'\n")
    others = [machine for machine in machines if machine != VICTIM]
    ran = "cat /var/tmp/job 2>/dev/null || true"
    try:
        for machine in others:
            cluster.fleetctl("cordon", machine)
        cluster.fleetctl("start", str(job))
        for machine in others:
            cluster.fleetctl("uncordon", machine)
        assert "is drained" in cluster.fleetctl("drain", VICTIM).out
        (row,) = cluster.units()["job.service"]
        assert (row["active"], row["ended"]) == ("inactive", True)
        assert row["machine"].endswith(machines[VICTIM])
        assert [len(cluster.on(machine, ran).out.split()) for machine in [VICTIM, *others]] == [
            1,
            0,
            0,
        ]
    finally:
        cluster.fleetctl("destroy", "job.service", check=False)
        for machine in machines:
            cluster.fleetctl("uncordon", machine, check=False)
        cluster.on(VICTIM, "sudo rm -f /var/tmp/job")
        cluster.fleetctl("rebalance")
