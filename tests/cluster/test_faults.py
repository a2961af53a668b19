"""Faults: promises 1, 2 and 4 on real machines. Full reconciles are an hour apart here."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from . import asking
from .load import Load
from .stack import Stack, eventually

AGENT_TTL = 10
PROMISE = AGENT_TTL + 2
"""Seconds in which a lost machine's units run elsewhere."""
PROMISE_WITH_ETCD = PROMISE + 4 + AGENT_TTL
"""The same when the machine led etcd: and one election, and one fresh lease."""
SLACK = 20
"""Seconds that a busy computer may add."""
HEALTH_WINDOW = 3
"""Seconds in which the load balancer notices that a machine is gone."""


@pytest.fixture(scope="module")
def machines(cluster: Stack) -> dict[str, str]:
    """The machines' addresses by name, which never change."""
    return cluster.outputs()["machines"]


@pytest.fixture(scope="module")
def url(cluster: Stack) -> str:
    """Where the app answers."""
    return cluster.outputs()["url"]


@pytest.fixture(autouse=True)
def restored(cluster: Stack, machines: dict[str, str]) -> Iterator[None]:
    """Every test finds the cluster whole, whatever the one before has left."""
    yield
    try:
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 20)
    except AssertionError:
        cluster.up("--refresh")
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)


def others(machines: dict[str, str], machine: str) -> list[str]:
    return [name for name in sorted(machines) if name != machine]


# --- a machine dies


@pytest.fixture(scope="module")
def alive_so_far(machines: dict[str, str]) -> set[str]:
    """The machines that no test has killed yet."""
    return set(machines)


def choose_victim(
    cluster: Stack, machines: dict[str, str], role: str, alive_so_far: set[str]
) -> str:
    """A machine that was not killed yet, with the role that its case is about."""
    ids = asking.machine_ids(cluster, machines)
    leading = {id: name for name, id in ids.items()}[asking.fleet_leader(cluster, "machine-1")]
    if role == "leads etcd":
        victim = min(alive_so_far - {leading})
        asking.give_etcd_lead(cluster, victim)
    else:
        victim = leading if leading in alive_so_far else min(alive_so_far)
        if role == "leads fleet":
            asking.give_etcd_lead(cluster, others(machines, victim)[0])
        else:
            asking.give_etcd_lead(cluster, victim)
    alive_so_far.remove(victim)
    return victim


@pytest.mark.parametrize(
    ("role", "promise"),
    [
        ("leads fleet", PROMISE),
        ("leads etcd", PROMISE_WITH_ETCD),
        ("the last one", PROMISE_WITH_ETCD),
    ],
)
def test_units_of_a_killed_machine_run_elsewhere(
    cluster: Stack,
    machines: dict[str, str],
    url: str,
    alive_so_far: set[str],
    role: str,
    promise: float,
):
    victim = choose_victim(cluster, machines, role, alive_so_far)
    rest = others(machines, victim)
    seen = asking.through(cluster, rest[0])
    before = asking.placements(cluster, machines)
    members = asking.etcd_members(cluster, victim)
    lost = {unit for unit, machine in before.items() if machine == victim}

    with Load(url) as load:
        killed_at = time.time()
        cluster.run("docker", "kill", cluster.container(victim))
        eventually(
            "its units run elsewhere",
            lambda: (
                (now := asking.placements(seen, machines)).keys() == before.keys()
                and victim not in now.values()
            ),
            promise + 100,
        )
        moved_at = time.time()
        during = asking.placements(seen, machines)
        began = asking.runs(cluster, rest)
    took = {unit: began[during[unit], unit].began - killed_at for unit in sorted(lost)}
    report(f"{victim} ({role}) killed: promised {promise} s", took, load)

    for unit in lost:
        tells_of_the_failover(seen, unit, machines[during[unit]])

    assert max(took.values(), default=0.0) <= promise + SLACK
    assert {unit: during[unit] for unit in before.keys() - lost} == {
        unit: before[unit] for unit in before.keys() - lost
    }, "units of healthy machines stay"
    share = load.per_second() * HEALTH_WINDOW / len(machines)
    assert len(load.failed) <= load.users + share, load.failed
    assert not load.failed_after(moved_at)

    cluster.up("--refresh")
    eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.placements(cluster, machines) == during, "units that moved stay"
    assert asking.etcd_members(cluster, victim) == members


def tells_of_the_failover(cluster: Stack, unit: str, now: str) -> None:
    """`fleetctl why` has cause and effect in their order."""
    told = cluster.fleetctl_json("why", unit)["timeline"]
    story = [
        ("leader", r": its lease has expired$"),
        ("leader", rf"^launched on \S+/{now} from "),
        ("fleetd", rf"^start job on \S+/{now}$"),
        ("systemd", rf"^active \(running\) on \S+/{now}$"),
    ]
    steps = iter(told)
    for by, what in story:
        assert any(one["by"] == by and re.search(what, one["what"]) for one in steps), (what, told)


def report(what: str, took: dict[str, float], load: Load | None = None) -> None:
    """Print what was measured (`pytest -s`, or a failing test's output)."""
    print(f"\n{what}")
    for unit, seconds in took.items():
        print(f"  {unit}: started elsewhere after {seconds:.1f} s")
    if load:
        print(f"  {load}")


# --- a machine is gone for good


def test_a_removed_machine_is_made_anew(cluster: Stack, machines: dict[str, str]):
    ids = asking.machine_ids(cluster, machines)
    members = asking.etcd_members(cluster, "machine-1")
    cluster.run("docker", "rm", "-fv", cluster.container("machine-1"))
    assert cluster.changes("--refresh")["machine-1"] == "create"

    cluster.up("--refresh")
    eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    new_ids = asking.machine_ids(cluster, machines)
    assert new_ids["machine-1"] != ids["machine-1"]
    assert {**new_ids, "machine-1": ""} == {**ids, "machine-1": ""}
    new_members = asking.etcd_members(cluster, "machine-1")
    assert new_members["machine-1"].id != members["machine-1"].id
    for other in others(machines, "machine-1"):
        assert new_members[other] == members[other]
    images = cluster.on("machine-1", "docker images --digests --quiet --all").out.split()
    assert images, "its global unit's image was pulled again"
    assert cluster.changes() == {}


def test_a_restarted_machine_keeps_its_identity_and_its_data(
    cluster: Stack, machines: dict[str, str], url: str
):
    ids = asking.machine_ids(cluster, machines)
    members = asking.etcd_members(cluster, "machine-1")
    before = asking.placements(cluster, machines)
    cluster.on("machine-2", "etcdctl put /test/kept before")
    with Load(url) as load:
        cluster.run("docker", "restart", "--time", "60", cluster.container("machine-2"))
        eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    report("machine-2 restarted", {}, load)
    assert asking.machine_ids(cluster, machines) == ids
    assert asking.etcd_members(cluster, "machine-1") == members
    local = "--consistency=s get --print-value-only /test/kept"
    assert asking.etcdctl(cluster, "machine-2", local).out == "before\n"
    cluster.on("machine-2", "etcdctl del /test/kept")
    now = asking.placements(cluster, machines)
    assert {unit for unit in now if now[unit] != before[unit]} <= {
        unit for unit in before if before[unit] == "machine-2"
    }, "units of healthy machines stay"


# --- the control plane is sick: no unit notices


@pytest.fixture
def undisturbed(cluster: Stack, machines: dict[str, str]) -> Iterator[None]:
    """Whatever the test does, no unit restarts or moves; afterwards the cluster still works."""
    before = asking.runs(cluster, machines)
    yield
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.runs(cluster, machines) == before
    starts_a_unit(cluster)
    assert asking.runs(cluster, machines) == before


def starts_a_unit(cluster: Stack) -> None:
    """A unit can be started, runs, and can be destroyed."""
    unit = cluster.program / "probe.service"
    unit.write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    cluster.fleetctl("start", str(unit))
    try:
        assert [row["active"] for row in cluster.units()[unit.name]] == ["active"]
    finally:
        cluster.fleetctl("destroy", unit.name)
    assert unit.name not in cluster.units()


def main_pid(cluster: Stack, machine: str, unit: str) -> int:
    return int(cluster.on(machine, f"systemctl show --value --property=MainPID {unit}").out)


def kill(cluster: Stack, machine: str, unit: str) -> None:
    """Kill a program of a machine, and wait until systemd has it up again."""
    pid = main_pid(cluster, machine, unit)
    cluster.on(machine, f"sudo kill -9 {pid}")
    up = f"systemctl is-active --quiet {unit}"
    eventually(
        f"{unit} of {machine} is back",
        lambda: (
            main_pid(cluster, machine, unit) not in (0, pid)
            and cluster.on(machine, up, check=False).code == 0
        ),
    )


@pytest.mark.usefixtures("undisturbed")
def test_fleetd_killed_and_restarted(cluster: Stack, machines: dict[str, str], url: str):
    with Load(url) as load:
        for machine in machines:
            kill(cluster, machine, "fleetd.service")
            cluster.on(machine, "sudo systemctl restart fleetd.service")
    assert not load.failed


@pytest.mark.usefixtures("undisturbed")
def test_etcds_leader_killed(cluster: Stack, machines: dict[str, str], url: str):
    with Load(url) as load:
        kill(cluster, asking.etcd_leader(cluster, "machine-1"), "etcd.service")
    assert not load.failed


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("which", ["the leader", "all"])
def test_etcd_paused_for_longer_than_the_lease(
    cluster: Stack, machines: dict[str, str], url: str, which: str
):
    leader = asking.etcd_leader(cluster, "machine-1")
    paused = sorted(machines) if which == "all" else [leader]
    with Load(url) as load:
        try:
            for machine in paused:
                cluster.on(machine, "sudo systemctl kill --signal=STOP etcd.service")
            for machine in paused:
                state = cluster.on(machine, "ps -o stat= -C etcd").out
                assert state.startswith("T"), f"etcd of {machine} is not stopped: {state}"
            # The pause itself is what is tested: there is no event to wait for.
            time.sleep(AGENT_TTL * 1.6)
        finally:
            for machine in paused:
                cluster.on(machine, "sudo systemctl kill --signal=CONT etcd.service")
        eventually("etcd is back", lambda: asking.is_whole(cluster, machines), 60)
    report(f"etcd paused: {which}", {}, load)
    assert not load.failed


# --- the end


def test_no_destroy_waits_for_a_dead_machine(cluster: Stack):
    """What would run on a machine at the end goes with the network; test_reuse.py kills one."""
    state = json.loads(cluster.run("pulumi", "stack", "export").out)
    at_the_end = [one for one in state["deployment"]["resources"] if "delete" in inputs_of(one)]
    on_machines = [one for one in at_the_end if one["type"] == "command:remote:Command"]
    assert {"hello.service", "sinatra@.service", "/app/greeting"} <= {
        one["urn"].rpartition("::")[2] for one in on_machines
    }
    assert all("DockerNetwork" in one.get("deletedWith", "") for one in on_machines), on_machines


def inputs_of(resource: dict[str, Any]) -> dict[str, Any]:
    return resource.get("inputs", {})
