"""Faults: promises 1, 2 and 4 on real machines. Full reconciles are an hour apart here."""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.cluster import asking, faults
from tests.cluster.conftest import starts_a_unit
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

AGENT_TTL = 10
PROMISE = AGENT_TTL + 2
"""Seconds in which a lost machine's units run elsewhere."""
PROMISE_WITH_ETCD = PROMISE + 2 + AGENT_TTL
"""The same when the machine led etcd: and one election, and one fresh lease."""
SLACK = 20
"""Seconds that a busy computer may add."""
HEALTH_WINDOW = 3
"""Seconds in which the load balancer notices that a machine is gone."""


EXTRA = """
fc.FleetUnit("extra", {"cluster": cluster.access, "file": "units/extra.service"})
fc.EtcdKeys("more", {"cluster": cluster.access, "keys": {"/app/extra": "for a while"}})
fc.Secrets("extra", {"cluster": cluster.access, "secrets": {"extra-password": "sesame"}})
"""
"""What a test adds to the program, and takes out again."""


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
    leading = leading_machine(cluster, machines)
    candidates = alive_so_far - {leading} if role == "leads etcd" else {leading} & alive_so_far
    victim = min(candidates or alive_so_far)
    another = others(machines, victim)[0]
    asking.give_fleet_lead(cluster, machines, another if role == "leads etcd" else victim)
    asking.give_etcd_lead(cluster, another if role == "leads fleet" else victim)
    alive_so_far.remove(victim)
    if victim not in asking.placements(cluster, machines).values():
        cluster.fleetctl("rebalance")  # Who was cut off or killed comes back with nothing to lose.
    return victim


def leading_machine(cluster: Stack, machines: dict[str, str]) -> str:
    """The machine that leads fleet; after a fault there may be none for a moment."""
    found: list[str] = []

    def leads() -> bool:
        ids = asking.machine_ids(cluster, machines)
        leader = asking.fleet_leader(cluster, "machine-1")
        found.extend(name for name, id in ids.items() if id == leader)
        return bool(found)

    eventually("a machine leads fleet", leads)
    return found[0]


@pytest.mark.parametrize(
    ("role", "promise"),
    [
        ("leads fleet", PROMISE),
        ("leads etcd", PROMISE_WITH_ETCD),
        ("leads both", PROMISE_WITH_ETCD),
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
    assert lost, before

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

    assert max(took.values()) <= promise + SLACK
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
    through_another = cluster.fleetctl("list-units")
    assert "Going through machine-2" in through_another.err
    cluster.configure({"greeting": "through another", "sinatra-instances": "3"})
    written = cluster.up()
    assert "machine-1 cannot be reached: if it is gone, `pulumi up --refresh`" in written.text
    read = cluster.on("machine-2", "etcdctl get --print-value-only /app/greeting")
    assert read.out.strip() == "through another"
    assert "sinatra@5002.service" in asking.placements(cluster, machines)
    assert cluster.changes() == {}, "it goes on through machine-2"

    cluster.run("pulumi", "config", "rm", "greeting")
    cluster.configure({"sinatra-instances": "2"})
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


@pytest.mark.faults
def test_no_deployment_waits_for_the_machine_that_the_last_one_went_through(
    cluster: Stack, machines: dict[str, str], url: str
):
    """A unit, a key and a secret are removed, a machine is drained and one is admitted."""
    main, unit = cluster.program / "__main__.py", cluster.program / "units/extra.service"
    program = main.read_text()
    unit.write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    main.write_text(program + EXTRA)
    cluster.configure({"cluster-size": "4", "sinatra-instances": "7"})
    try:
        cluster.up()
        grown = cluster.outputs()["machines"]
        eventually("all four are in it", lambda: asking.is_whole(cluster, grown), 120)
        cluster.run("docker", "kill", cluster.container("machine-1"))
        seen = asking.through(cluster, "machine-2")
        eventually(
            "its units run elsewhere",
            lambda: {"machine-1"}.isdisjoint(asking.placements(seen, grown).values()),
            PROMISE_WITH_ETCD + SLACK,
        )
        assert cluster.changes() == {}, "no preview sees that it is away"
        placed = asking.placements(seen, grown)
        assert "machine-4" in placed.values() and "extra.service" in placed
        main.write_text(program)
        cluster.configure({"cluster-size": "3"})
        with Load(url) as load:
            drained = cluster.up()
        assert "goes with what is left on it" not in drained.text
        assert not load.failed, load.failed
        left = asking.placements(seen, grown)
        assert "extra.service" not in left and "machine-4" not in left.values()
        for key in ("/app/extra", "/fleet/units/extra.service"):
            kept = asking.etcdctl(cluster, "machine-2", f"get --keys-only {key}").out
            assert not kept.strip(), kept
        assert "extra-password" not in cluster.fleetctl("secret", "list").out
        cluster.configure({"cluster-size": "4"})
        cluster.up()
        assert "machine-4" in asking.machine_ids(seen, grown)
        assert cluster.changes() == {}
    finally:
        main.write_text(program)
        unit.unlink()
        cluster.configure({"cluster-size": "3", "sinatra-instances": "2"})
        cluster.up("--refresh")


def test_a_member_that_etcd_needs_is_not_made_anew(
    cluster: Stack, machines: dict[str, str], url: str
):
    asking.give_etcd_lead(cluster, "machine-1")
    ids = asking.machine_ids(cluster, machines)
    members = asking.etcd_members(cluster, "machine-1")
    rest = ["machine-1", "machine-2"]
    runs = asking.runs(cluster, rest)
    kept = cluster.container("machine-2")
    anew = ("--replace", "**/container:Container::machine-2")
    with Load(url) as load:
        cluster.run("docker", "kill", cluster.container("machine-3"))
        for refused in (cluster.preview(*anew, check=False), cluster.up(*anew, check=False)):
            assert refused.code
            assert "machine-2 has to stay: etcd needs 2 of its 3 members" in refused.text
            assert "machine-3 does not answer" in refused.text
    assert cluster.container("machine-2") == kept
    now = asking.runs(cluster, rest)
    assert {where: now[where] for where in runs} == runs, "it was not even drained"
    share = load.per_second() * HEALTH_WINDOW / len(machines)
    assert len(load.failed) <= load.users + share, load.failed

    advice = re.search(r"pulumi up --refresh( --target '[^']+')+", refused.text)
    assert advice, refused.text
    cluster.up("--refresh", *(f"--target={one}" for one in re.findall(r"'([^']+)'", advice[0])))
    eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.machine_ids(cluster, machines) == ids
    assert asking.etcd_members(cluster, "machine-1") == members
    assert cluster.changes() == {}, "what was refused has ended nothing of machine-2"


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


@pytest.mark.usefixtures("undisturbed")
def test_fleetd_killed_and_restarted(cluster: Stack, machines: dict[str, str], url: str):
    with Load(url) as load:
        for machine in machines:
            faults.kill(cluster, machine, "fleetd.service")
            cluster.on(machine, "sudo systemctl restart fleetd.service")
    assert not load.failed


@pytest.mark.usefixtures("undisturbed")
def test_etcds_leader_killed(cluster: Stack, machines: dict[str, str], url: str):
    with Load(url) as load:
        faults.kill(cluster, asking.etcd_leader(cluster, "machine-1"), "etcd.service")
    assert not load.failed


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("which", ["the leader", "all"])
def test_etcd_paused_for_longer_than_the_lease(
    cluster: Stack, machines: dict[str, str], url: str, which: str
):
    leader = asking.etcd_leader(cluster, "machine-1")
    paused = sorted(machines) if which == "all" else [leader]
    with Load(url) as load:
        with faults.etcd_paused(cluster, paused):
            longer_than_the_lease()
        eventually("etcd is back", lambda: asking.is_whole(cluster, machines), 60)
    report(f"etcd paused: {which}", {}, load)
    assert not load.failed


def longer_than_the_lease() -> None:
    """The fault itself is what is tested: there is no event to wait for."""
    time.sleep(AGENT_TTL * 1.6)


@pytest.mark.faults
@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("which", ["a follower", "the leader and a follower"])
def test_members_of_etcd_down_for_longer_than_the_lease(
    cluster: Stack, machines: dict[str, str], url: str, which: str
):
    leader = asking.etcd_leader(cluster, "machine-1")
    follower = others(machines, leader)[-1]
    down = [follower] if which == "a follower" else [leader, follower]
    with Load(url) as load:
        with faults.etcd_stopped(cluster, down):
            longer_than_the_lease()
        eventually("etcd is back", lambda: asking.is_whole(cluster, machines), 60)
    report(f"etcd stopped: {which}", {}, load)
    assert not load.failed, load.failed


@pytest.mark.faults
@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("role", ["leads", "follows"])
def test_a_member_of_etcd_that_drops_packets(
    cluster: Stack, machines: dict[str, str], url: str, role: str
):
    leader = asking.etcd_leader(cluster, "machine-1")
    silent = leader if role == "leads" else others(machines, leader)[0]
    with Load(url) as load:
        with faults.etcd_silent(cluster, silent):
            longer_than_the_lease()
            seen = asking.through(cluster, others(machines, silent)[0])
            starts_a_unit(seen)
        eventually("etcd is back", lambda: asking.is_whole(cluster, machines), 60)
    report(f"etcd drops packets: the member that {role}", {}, load)
    assert not load.failed, load.failed


@pytest.mark.faults
@pytest.mark.usefixtures("undisturbed")
def test_slow_members_of_etcd(cluster: Stack, machines: dict[str, str], url: str):
    with Load(url) as load:
        began = time.monotonic()
        while time.monotonic() - began < AGENT_TTL * 1.6:
            for machine in machines:
                # As a disk that takes half a second for each write.
                with faults.etcd_paused(cluster, [machine]):
                    time.sleep(0.5)
        starts_a_unit(cluster)
    report("etcd slow", {}, load)
    assert not load.failed, load.failed


@pytest.mark.faults
def test_fleetd_killed_in_the_middle_of_its_work(cluster: Stack, machines: dict[str, str]):
    units = [f"busy-{number}.service" for number in range(24)]
    files = [cluster.program / name for name in units]
    for file in files:
        file.write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    chance = random.Random(5)
    try:
        cluster.fleetctl("start", "--no-block", *map(str, files))
        for _ in range(8):
            for machine in machines:
                time.sleep(chance.uniform(0, 0.4))
                cluster.on(machine, "sudo systemctl kill --signal=KILL fleetd.service")
        eventually("all run", lambda: asking.is_whole(cluster, machines), 120)
        starts = [
            line.rpartition("Started ")[2]
            for machine in machines
            for line in cluster.on(machine, "journalctl --no-pager _PID=1").out.splitlines()
            if "Started busy-" in line
        ]
        assert len(starts) == len(units) == len(set(starts)), "each was started once"
    finally:
        cluster.fleetctl("destroy", *units)


# --- a machine is away, and comes back as it was


@pytest.mark.parametrize(
    "away",
    [
        pytest.param(faults.cut_off, id="cut off"),
        pytest.param(faults.frozen, id="frozen", marks=pytest.mark.faults),
    ],
)
def test_units_of_a_machine_that_is_away_run_elsewhere_and_once_when_it_is_back(
    cluster: Stack,
    machines: dict[str, str],
    url: str,
    away: Callable[[Stack, str], AbstractContextManager[None]],
):
    before = asking.placements(cluster, machines)
    victim = before["sinatra@5000.service"]
    rest = others(machines, victim)
    asking.give_etcd_lead(cluster, rest[0])
    seen = asking.through(cluster, rest[0])
    lost = {unit for unit, machine in before.items() if machine == victim}
    running = asking.runs(cluster, [victim])
    with Load(url) as load:
        with away(cluster, victim):
            left_at = time.time()
            eventually(
                "its units run elsewhere",
                lambda: (
                    lost <= {u for u, m in asking.placements(seen, machines).items() if m != victim}
                ),
                PROMISE + 100,
            )
            moved_at = time.time()
            during = asking.placements(seen, machines)
            began = asking.runs(cluster, rest)
            if away is faults.cut_off:
                assert asking.runs(cluster, [victim]) == running, "its copies run on"
        eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
        # What it stops is reported a moment after it has come back itself.
        eventually("its copies have ended", lambda: lost.isdisjoint(units_on(cluster, victim)))
    took = {unit: began[during[unit], unit].began - left_at for unit in sorted(lost)}
    report(f"{victim} {away.__name__}: promised {PROMISE} s", took, load)
    assert max(took.values()) <= PROMISE + SLACK
    assert asking.placements(cluster, machines) == during, "units that moved stay"
    assert not load.failed_after(moved_at), load.failed


def units_on(cluster: Stack, machine: str) -> set[str]:
    """The units that systemd has there."""
    return {unit for _, unit in asking.runs(cluster, [machine])}


@pytest.mark.faults
def test_two_workers_removed_at_once(cluster: Stack, machines: dict[str, str], url: str):
    cluster.configure({"cluster-size": "5", "sinatra-instances": "7"})
    try:
        cluster.up()
        grown = cluster.outputs()["machines"]
        eventually("all five are in it", lambda: asking.is_whole(cluster, grown), 120)
        before = asking.placements(cluster, grown)
        workers = others(grown, "machine-1")[-2:]
        lost = {unit for unit, machine in before.items() if machine in workers}
        assert lost, before
        with Load(url) as load:
            removed_at = time.time()
            cluster.run("docker", "rm", "-fv", *map(cluster.container, workers))
            eventually(
                "their units run elsewhere",
                lambda: (
                    (now := asking.placements(cluster, grown)).keys() == before.keys()
                    and not set(workers) & set(now.values())
                ),
                PROMISE + 100,
            )
            moved_at = time.time()
            during, began = asking.placements(cluster, grown), asking.runs(cluster, machines)
        took = {unit: began[during[unit], unit].began - removed_at for unit in sorted(lost)}
        report(f"{workers} removed: promised {PROMISE} s", took, load)
        assert max(took.values()) <= PROMISE + SLACK
        assert not load.failed_after(moved_at), load.failed
    finally:
        cluster.configure({"cluster-size": "3", "sinatra-instances": "2"})
        cluster.up("--refresh")


# --- the end


def test_no_destroy_waits_for_a_dead_machine(cluster: Stack):
    """What would run on a machine at the end goes with the network; test_reuse.py kills one."""
    state = json.loads(cluster.run("pulumi", "stack", "export").out)
    at_the_end = [one for one in state["deployment"]["resources"] if "delete" in inputs_of(one)]
    on_machines = [
        one
        for one in at_the_end
        if one["type"] == "command:remote:Command" or "interpreter" in inputs_of(one)
    ]
    assert {"hello.service", "sinatra@.service", "/app/greeting"} <= {
        one["urn"].rpartition("::")[2] for one in on_machines
    }
    assert all("DockerNetwork" in one.get("deletedWith", "") for one in on_machines), on_machines


def inputs_of(resource: dict[str, Any]) -> dict[str, Any]:
    return resource.get("inputs", {})
