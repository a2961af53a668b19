"""Room: whether what a unit reserves is there on a machine beside what is reserved already."""

from collections.abc import Iterator

from ..model.records import MachineState
from ..unitfiles.resources import CPU, Resources, cpus_text, memory_text


def has_room(machine: MachineState, reserved: Resources, wanted: Resources) -> bool:
    """Whether a machine has what is wanted, besides what is reserved.

    Who wants nothing of a kind may come also where more of it is reserved than there is; a
    machine that does not tell what it has is never full.
    """
    return not any(_shortages(machine, reserved, wanted))


def shortage(machine: MachineState, reserved: Resources, wanted: Resources) -> str:
    """What a machine has too little of, in numbers; empty when it has room."""
    return "; ".join(_shortages(machine, reserved, wanted))


def _shortages(machine: MachineState, reserved: Resources, wanted: Resources) -> Iterator[str]:
    total, taken = machine.memory, reserved.bytes_of(machine.memory)
    needed = wanted.bytes_of(total)
    free = max(0, total - taken)
    if total and needed > free:
        yield _text("memory", *map(memory_text, (needed, free, total)))
    cpus = cpus_of(machine)
    free = max(0, cpus - reserved.cpu)
    if cpus and wanted.cpu > free:
        yield _text("CPUs", *map(cpus_text, (wanted.cpu, free, cpus)))


def cpus_of(machine: MachineState) -> int:
    """The processors of a machine, in thousandths."""
    return round(machine.cpus * CPU)


def _text(what: str, wanted: str, free: str, total: str) -> str:
    return f"{what}: {wanted} wanted, {free} of {total} not reserved"
