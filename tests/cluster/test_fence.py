"""Promise 2 on real machines: a unit with Fence=true is never on two of them."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

FENCED, BESIDE = "fenced.service", "beside.service"
OBEYS = "[Service]\nExecStart=/bin/sleep infinity\n"
IGNORES = """\
[Service]
ExecStart=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'
TimeoutStopSec=30
"""
"""A service that does not end when it is told: left alone, it outlives the lease."""
CONTAINER = """\
[Service]
Slice=fenced.slice
ExecStartPre=-/usr/bin/docker rm --force fenced
ExecStart=/usr/bin/docker run --rm --name fenced --cgroup-parent=fenced.slice \\
    --volume /run:/beat --entrypoint /bin/sh {image} \\
    -c 'trap "" TERM; while :; do touch /beat/fenced-beat; sleep 0.1; done'
ExecStop=/usr/bin/docker stop --time 5 fenced
ExecStopPost=/bin/sh -c 'sleep 2; touch /run/fenced-ended'
TimeoutStopSec=60
"""
"""A container that does not end when it is told, and shows that it lives."""
AWAY_SECONDS = 60
"""For a lease to end on a busy computer, and what runs on the machine to run elsewhere."""


@pytest.fixture
def service() -> str:
    """What the fenced unit runs."""
    return OBEYS


@pytest.fixture
def fenced(cluster: Stack, machines: dict[str, str], service: str) -> Iterator[str]:
    """Where the unit runs, with one beside it that has no fence: a machine that may be lost."""
    texts = {
        FENCED: f"{service.format(image=nginx_image(cluster))}[X-Fleet]\nFence=true\n",
        BESIDE: f"{OBEYS}[X-Fleet]\nMachineOf={FENCED}\n",
    }
    for name, text in texts.items():
        (cluster.program / name).write_text(text)
    # Where fleetctl and the others' questions go is not to be cut off.
    cluster.fleetctl("cordon", "machine-1")
    cluster.fleetctl("start", *(str(cluster.program / name) for name in texts))
    home = asking.placements(cluster, machines)[FENCED]
    # By a path that systemd watches: beside the unit's start.
    eventually("its machine guards it", lambda: guarding(cluster, machines) == {home})
    yield home
    cluster.fleetctl("uncordon", "machine-1")
    cluster.fleetctl("destroy", *texts)
    eventually("no machine guards anything", lambda: not guarding(cluster, machines))


def nginx_image(cluster: Stack) -> str:
    """An image that all machines have."""
    found = re.search(r"(\S+/nginx@sha256:\w+)", cluster.fleetctl("cat", "nginx.service").out)
    assert found
    return found[1]


def guarding(cluster: Stack, machines: dict[str, str]) -> set[str]:
    """The machines on which the fence is at work."""
    asked = "fleet-fence.service"
    return {machine for machine in machines if state(cluster, machine, asked) == "active"}


def state(cluster: Stack, machine: str, unit: str) -> str:
    """What systemd says there: active, deactivating, inactive, failed."""
    return cluster.on(machine, f"systemctl is-active {unit}", check=False).out.strip()


def is_at_rest(cluster: Stack, machine: str, unit: str) -> bool:
    """Whether no process of it is left; one that had to be killed has failed."""
    return state(cluster, machine, unit) in ("inactive", "failed")


def ended_at(cluster: Stack, machine: str, unit: str) -> float:
    """When the unit was last stopped on a machine: seconds since 1970."""
    show = "systemctl show --value --timestamp=us+utc --property=InactiveEnterTimestamp"
    text = cluster.on(machine, f"{show} {unit}").out.strip()
    when = datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f %Z")
    return when.replace(tzinfo=UTC).timestamp()


def stopped_by_its_machine(cluster: Stack, machine: str) -> float:
    """Wait until the fenced unit has ended there: when it was."""
    eventually(
        "its own machine stops it", lambda: is_at_rest(cluster, machine, FENCED), AWAY_SECONDS
    )
    return ended_at(cluster, machine, FENCED)


def runs_elsewhere(cluster: Stack, machines: dict[str, str], lost: str) -> str:
    """Wait until the fenced unit runs on another machine: its name."""
    eventually(
        "it runs elsewhere",
        lambda: asking.placements(cluster, machines).get(FENCED, lost) != lost,
        AWAY_SECONDS,
    )
    return asking.placements(cluster, machines)[FENCED]


@pytest.mark.parametrize(
    ("away", "service"),
    [
        pytest.param(faults.cut_off, OBEYS, id="cut off"),
        pytest.param(faults.fleetd_hangs, OBEYS, id="fleetd hangs", marks=pytest.mark.faults),
        pytest.param(
            faults.cut_off_while_fleetd_hangs,
            IGNORES,
            id="both, and it ignores SIGTERM",
            marks=pytest.mark.faults,
        ),
    ],
)
def test_a_fenced_unit_ends_on_its_machine_before_it_begins_elsewhere(
    cluster: Stack,
    machines: dict[str, str],
    fenced: str,
    away: Callable[[Stack, str], AbstractContextManager[None]],
):
    beside = asking.runs(cluster, [fenced])[fenced, BESIDE]
    with away(cluster, fenced):
        stopped = stopped_by_its_machine(cluster, fenced)
        home = runs_elsewhere(cluster, machines, fenced)
        began = asking.runs(cluster, [home])[home, FENCED].began
        # Without the cut, a fleetd that systemd's watchdog has started anew stops it.
        if away is not faults.fleetd_hangs:
            assert asking.runs(cluster, [fenced])[fenced, BESIDE] == beside, "it runs on"
    print(f"\n{fenced} {away.__name__}: it began elsewhere {began - stopped:.1f} s after it ended")
    assert stopped < began
    eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.placements(cluster, machines)[FENCED] == home, "what has moved stays"
    assert is_at_rest(cluster, fenced, FENCED)
    eventually("only its machine guards it", lambda: guarding(cluster, machines) == {home})


@pytest.mark.parametrize("service", [CONTAINER])
@pytest.mark.parametrize(
    "away",
    [
        pytest.param(faults.cut_off_while_docker_hangs, id="cut off, and Docker hangs"),
        pytest.param(faults.cut_off, id="cut off", marks=pytest.mark.faults),
    ],
)
def test_a_fenced_container_ends_on_its_machine_before_it_begins_elsewhere(
    cluster: Stack,
    machines: dict[str, str],
    fenced: str,
    away: Callable[[Stack, str], AbstractContextManager[None]],
):
    eventually("it runs", lambda: last_beat(cluster, fenced) > 0)
    with away(cluster, fenced):
        home = runs_elsewhere(cluster, machines, fenced)
        began = asking.runs(cluster, [home])[home, FENCED].began
        ended = last_beat(cluster, fenced)
        print(f"\n{away.__name__}: its container began {began - ended:.1f} s after it ended")
        assert ended < began
        stopped_by_its_machine(cluster, fenced)
        cluster.on(fenced, "sudo rm -f /run/fenced-ended /run/fenced-beat")  # It had its time.
    eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.placements(cluster, machines)[FENCED] == home, "what has moved stays"
    # A Docker that goes on learns in its own time what has ended meanwhile.
    left = "sudo docker ps --quiet --filter name=fenced"
    eventually("no container is left", lambda: not cluster.on(fenced, left).out)
    assert last_beat(cluster, fenced) == 0


def last_beat(cluster: Stack, machine: str) -> float:
    """When the fenced container of a machine last showed itself: seconds since 1970, or 0."""
    return float(cluster.on(machine, "stat --format=%.Y /run/fenced-beat || echo 0").out)


def test_while_etcd_is_away_only_a_fenced_unit_ends_and_then_it_starts_where_it_was(
    cluster: Stack, machines: dict[str, str], fenced: str
):
    before = asking.runs(cluster, machines)
    with faults.etcd_paused(cluster, sorted(machines)):
        stopped = stopped_by_its_machine(cluster, fenced)
    eventually("etcd is back", lambda: asking.is_whole(cluster, machines), 120)
    after = asking.runs(cluster, machines)
    began = after[fenced, FENCED].began
    print(f"\netcd away: it was stopped for {began - stopped:.1f} s")
    assert began > stopped
    del before[fenced, FENCED], after[fenced, FENCED]
    assert after == before, "no other unit restarts or moves"
