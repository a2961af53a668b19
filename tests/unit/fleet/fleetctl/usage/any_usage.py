"""Samples of any machine."""

from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.usage.sample import Disk, MachineUsage, UnitUsage

amounts = st.integers(0, 1 << 50)
machines = st.builds(
    MachineUsage,
    amounts,
    amounts,
    st.lists(st.builds(Disk, st.text(min_size=1), amounts, amounts), max_size=3).map(tuple),
)
usages = st.builds(UnitUsage, amounts | st.none(), amounts | st.none())
units = st.dictionaries(st.sampled_from(["a.service", "b@1.service", "c.container"]), usages)
