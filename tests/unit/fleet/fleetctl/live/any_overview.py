"""Clusters that `fleetctl top` shows: one to look at, one that is large, and any."""

from dataclasses import replace

from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.live.changes import change
from fleet_cluster.fleet.fleetctl.live.link import Heard
from fleet_cluster.fleet.fleetctl.live.overview import MachineRow, Overview, UnitRow

AT = 1_764_442_800.0
"""2025-11-29 19:00:00 UTC."""
GIB = 1 << 30
IDS = ("3f2a91bc" + "0" * 24, "9d04e6a1" + "0" * 24, "c0ffee00" + "0" * 24)


def machine(number: int, **given: object) -> MachineRow:
    """A machine; of the first three the ids are `IDS`."""
    id = IDS[number - 1] if number <= len(IDS) else f"{number:032x}"
    row = MachineRow(
        id, f"machine-{number}", f"172.18.0.{10 + number}", "", 2, 3 * GIB // 2, 4 * GIB, 1500, 4000
    )
    return replace(row, **given)  # pyright: ignore[reportArgumentType]


def unit(name: str, number: int = 1, **given: object) -> UnitRow:
    """A unit that is up on that machine."""
    row = UnitRow(name, machine(number).id, "active", "running", AT - 7200, "ab" * 32, is_home=True)
    return replace(row, **given)  # pyright: ignore[reportArgumentType]


def overview(machines: list[MachineRow], units: list[UnitRow]) -> Overview:
    return Overview(
        {row.id: row for row in sorted(machines, key=lambda row: row.id)},
        {(row.unit, row.machine): row for row in sorted(units, key=lambda r: (r.unit, r.machine))},
    )


def busy() -> Overview:
    """Machines and units in all conditions that the screen tells apart."""
    machines = [
        machine(1),
        machine(2, state="draining"),
        machine(3, state="sick: / is short of room"),
    ]
    why = "it fits on no machine: machine-1: metadata disk=ssd wanted, machine has no disk"
    units = [
        UnitRow("big.service", "", "inactive", "unplaced", problem=why),
        unit("db.service", 2, memory=GIB, cpu=500),
        unit("flaps.service", 1, active="activating", sub="auto-restart", since=AT - 3),
        unit("hello.service", 1),
        unit("job.service", 3, sub="exited", since=AT - 90_000),
        unit("sinatra@5000.service", 1, memory=GIB // 2, cpu=250),
        unit("sinatra@5001.service", 2, active="failed", sub="failed", since=AT - 42),
    ]
    return overview(machines, units)


def large(units: int = 1000, machines: int = 50) -> Overview:
    on = [machine(number, units=units // machines) for number in range(1, machines + 1)]
    return overview(
        on, [unit(f"web@{number:04}.service", number % machines + 1) for number in range(units)]
    )


def whole(one: Overview, at: float = AT, way: str = "machine-1") -> Heard:
    return Heard(way, change(None, one, at))


_machines = st.lists(
    st.builds(
        machine,
        st.integers(1, 4),
        state=st.sampled_from(["", "cordoned", "lost"]),
        removed=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda row: row.id,
)
_units = st.lists(
    st.builds(
        unit,
        st.sampled_from(["a.service", "b.service"]),
        st.integers(1, 4),
        active=st.sampled_from(["active", "failed", "activating", "lost"]),
        sub=st.sampled_from(["running", "failed", "auto-restart"]),
        since=st.sampled_from([0.0, 1.0, 2.0]),
        sha=st.sampled_from(["", "aa", "bb"]),
        origin=st.sampled_from(["", *IDS]),
        problem=st.text(max_size=3),
        is_home=st.booleans(),
        everywhere=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda row: (row.unit, row.machine),
)
overviews = st.builds(overview, _machines, _units)
