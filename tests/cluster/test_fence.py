"""Promise 2 on real machines: a unit with Fence=true is never on two of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from . import asking, faults
from .stack import Stack, eventually

FENCED, BESIDE = "fenced.service", "beside.service"
SERVICE = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\n"
AWAY_SECONDS = 60
"""For a lease to end on a busy computer, and what runs on the machine to run elsewhere."""


@pytest.fixture
def fenced(cluster: Stack, machines: dict[str, str]) -> Iterator[str]:
    """Where the unit runs, with one beside it that has no fence: a machine that may be lost."""
    texts = {FENCED: "Fence=true\n", BESIDE: f"MachineOf={FENCED}\n"}
    for name, options in texts.items():
        (cluster.program / name).write_text(SERVICE + options)
    # Where fleetctl and the others' questions go is not to be cut off.
    cluster.fleetctl("cordon", "machine-1")
    cluster.fleetctl("start", *(str(cluster.program / name) for name in texts))
    yield asking.placements(cluster, machines)[FENCED]
    cluster.fleetctl("uncordon", "machine-1")
    cluster.fleetctl("destroy", *texts)
    for machine in machines:
        eventually(f"{machine} guards nothing", lambda on=machine: not guards(cluster, on))


def guards(cluster: Stack, machine: str) -> bool:
    return is_up(cluster, machine, "fleet-fence.service")


def is_up(cluster: Stack, machine: str, unit: str) -> bool:
    """What systemd says there."""
    return cluster.on(machine, f"systemctl is-active --quiet {unit}", check=False).code == 0


def ended_at(cluster: Stack, machine: str, unit: str) -> float:
    """When the unit was last stopped on a machine: seconds since 1970."""
    show = "systemctl show --value --timestamp=us+utc --property=InactiveEnterTimestamp"
    text = cluster.on(machine, f"{show} {unit}").out.strip()
    when = datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f %Z")
    return when.replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "away",
    [
        pytest.param(faults.cut_off, id="cut off"),
        pytest.param(faults.fleetd_hangs, id="fleetd hangs", marks=pytest.mark.faults),
    ],
)
def test_a_fenced_unit_ends_on_its_machine_before_it_begins_elsewhere(
    cluster: Stack,
    machines: dict[str, str],
    fenced: str,
    away: Callable[[Stack, str], AbstractContextManager[None]],
):
    beside = asking.runs(cluster, [fenced])[fenced, BESIDE]
    assert [guards(cluster, machine) for machine in machines] == [m == fenced for m in machines]
    with away(cluster, fenced):
        eventually(
            "its own machine stops it",
            lambda: not is_up(cluster, fenced, FENCED),
            AWAY_SECONDS,
        )
        stopped = ended_at(cluster, fenced, FENCED)
        eventually(
            "it runs elsewhere",
            lambda: asking.placements(cluster, machines).get(FENCED, fenced) != fenced,
            AWAY_SECONDS,
        )
        home = asking.placements(cluster, machines)[FENCED]
        began = asking.runs(cluster, [home])[home, FENCED].began
        if away is faults.cut_off:
            assert asking.runs(cluster, [fenced])[fenced, BESIDE] == beside, "it runs on"
    print(f"\n{fenced} {away.__name__}: it began elsewhere {began - stopped:.1f} s after it ended")
    assert stopped < began
    eventually("it is back", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.placements(cluster, machines)[FENCED] == home, "what has moved stays"
    assert not is_up(cluster, fenced, FENCED)
