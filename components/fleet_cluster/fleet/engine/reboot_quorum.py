"""Whether etcd can do without a machine's member while that machine reboots. Pure."""

from collections.abc import Callable, Mapping

from ..model.records import MachineState

Members = Mapping[str, str]
"""What is wrong with each member of etcd, by "address:port"; empty when nothing is."""

AskMembers = Callable[[float], Members | None]
"""How etcd's members do, by a look that began at this time or later, by the leader's clock; none
as long as there was no such look: it has begun then, and wakes the loop when it has ended."""


def no_members(_since: float) -> Members | None:
    """Nobody asks members: then no machine reboots."""
    return None


def objection(machine: MachineState, members: Members) -> str:
    """Why a machine cannot reboot now, in words; empty when it can."""
    faults = sorted(f"{member}: {fault}" for member, fault in members.items() if fault)
    if faults:
        return f"a member of etcd is missing or not well, {'; '.join(faults)}"
    if not _is_member(machine, members):
        return ""
    majority = len(members) // 2 + 1
    if len(members) - 1 >= majority:
        return ""
    return (
        f"etcd needs {majority} of its {len(members)} members, so it would be down meanwhile, and "
        "nothing could bring the machine's units back. Reboot it by hand (fleetctl ssh), or make "
        "etcd larger first (etcd-size: 3)"
    )


def _is_member(machine: MachineState, members: Members) -> bool:
    return any(one.rpartition(":")[0].strip("[]") == machine.address for one in members)
