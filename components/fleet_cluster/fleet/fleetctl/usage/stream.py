"""The stream of samples, on a machine: nothing tells of what is used, so it is looked at."""

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from ...disks.file_systems import RUN, FileSystem, look
from ...systemd.manager import SystemdError
from .kernel import Kernel
from .rates import Reading, machine_usage, unit_usages
from .sample import DISK_STEP, Disk, MachineUsage, Sample, UnitUsage, changed, in_steps
from .units import Units

FIRST_SECONDS = 1.0
"""Between the first two readings: the processors' share is known from the second on."""
SECONDS = 3.0
"""Between others. While nobody looks, nothing reads."""


class Reader:
    """A reader of this machine's counters."""

    def __init__(
        self,
        units: Units,
        kernel: Kernel,
        say: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
        disks: Callable[[], list[FileSystem]] = look,
    ) -> None:
        """`say`: tells the caller why units are missing, once."""
        self._units = units
        self._kernel = kernel
        self._say = say
        self._clock = clock
        self._disks = disks
        self._fault = ""

    def read(self) -> Reading:
        """The counters as they are.

        Raises:
            OSError: the kernel tells nothing.
        """
        at = self._clock()
        machine = MachineUsage(0, self._kernel.machine_memory(), disks_of(self._disks()))
        reading = Reading(at, machine, self._kernel.machine_cpu())
        try:
            units = self._units.counters()
            fault = ""
        except SystemdError as error:
            units, fault = {}, str(error)
        if fault and fault != self._fault:
            self._say(f"what units use is not known: {fault}")
        self._fault = fault
        return replace(reading, units=units)


def disks_of(found: list[FileSystem]) -> tuple[Disk, ...]:
    """The file systems that are told: /run, which is memory, only when it is short of room."""
    return tuple(
        Disk(one.path, in_steps(one.free, DISK_STEP), one.size)
        for one in found
        if not one.fault and (one.path != RUN or one.is_short)
    )


def stream(reader: Reader, write: Callable[[str], None], wait: Callable[[float], None]) -> None:
    """Write what the machine and its units use, then what is other than before, until interrupted.

    `wait`: sleeps for so many seconds.
    """
    before = reader.read()
    told: dict[str, UnitUsage] | None = None
    wait(FIRST_SECONDS)
    while True:
        now = reader.read()
        units = unit_usages(before, now)
        sample = Sample(machine_usage(before, now), changed(told, units), told is None)
        write(sample.to_json())
        before, told = now, units
        wait(SECONDS)
