"""The stream of samples, on a machine whose counters a test sets."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from fleet_cluster.fleet.disks.file_systems import GIB, MIB, FileSystem
from fleet_cluster.fleet.fleetctl.usage.rates import Counters
from fleet_cluster.fleet.fleetctl.usage.sample import Disk, MachineUsage, Sample, UnitUsage
from fleet_cluster.fleet.fleetctl.usage.stream import Reader, disks_of, stream
from fleet_cluster.fleet.systemd.manager import SystemdError
from tests.unit.fleet.fakes.clock import FakeClock

ROOT = FileSystem("/", 40 * GIB, 10 * GIB)


@dataclass
class Machine:
    """Counters, in the place of a kernel's and of systemd's; steps are what happens meanwhile."""

    clock: FakeClock = field(default_factory=FakeClock)
    cpu: float = 100.0
    units: dict[str, Counters] = field(default_factory=dict[str, Counters])
    fault: str = ""
    said: list[str] = field(default_factory=list[str])
    steps: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])

    def machine_cpu(self) -> float:
        return self.cpu

    def machine_memory(self) -> int:
        return 512 * MIB

    def counters(self) -> dict[str, Counters]:
        if self.fault:
            raise SystemdError(self.fault)
        return dict(self.units)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()

    def samples(self) -> list[Sample]:
        lines = list[str]()
        reader = Reader(self, self, self.said.append, self.clock, lambda: [ROOT])  # pyright: ignore[reportArgumentType]
        with pytest.raises(KeyboardInterrupt):
            stream(reader, lines.append, self.wait)
        return [Sample.from_json(line) for line in lines]

    def uses(self, name: str, cpu: float, memory: int) -> Callable[[], None]:
        return lambda: self.units.update({name: Counters({"unit": cpu}, memory)})


def test_all_comes_first_then_what_is_other() -> None:
    one = Machine(units={"a.service": Counters({"unit": 5.0}, MIB)})
    one.steps += [
        one.uses("a.service", 5.5, MIB),
        lambda: None,
        one.uses("a.service", 5.5, MIB),
        lambda: one.units.clear(),
    ]
    first, idle, same, gone = one.samples()
    assert first.is_whole and first.units == {"a.service": UnitUsage(500, MIB)}
    assert first.machine == MachineUsage(0, 512 * MIB, (Disk("/", 10 * GIB, 40 * GIB),))
    assert idle.units == {"a.service": UnitUsage(0, MIB)} and not idle.is_whole
    assert same.units == {}
    assert gone.units == {"a.service": None}


def test_the_machines_share_is_of_the_time_that_has_passed() -> None:
    one = Machine()
    one.steps += [lambda: setattr(one, "cpu", 101.0), lambda: setattr(one, "cpu", 107.0)]
    assert [sample.machine.cpu for sample in one.samples()] == [1000, 2000]


def test_a_systemd_that_does_not_answer_is_told_once_and_the_machine_goes_on() -> None:
    one = Machine(units={"a.service": Counters({"unit": 5.0}, MIB)})
    one.steps += [
        lambda: None,
        lambda: setattr(one, "fault", "the system bus cannot be reached"),
        lambda: None,
        lambda: setattr(one, "fault", ""),
        lambda: None,
    ]
    known, silent, still, back, again = one.samples()
    assert known.units == {"a.service": UnitUsage(0, MIB)}
    assert silent.units == {"a.service": None} and still.units == {}
    assert back.units == {"a.service": UnitUsage(None, MIB)}
    assert again.units == {"a.service": UnitUsage(0, MIB)}
    assert one.said == ["what units use is not known: the system bus cannot be reached"]


def test_of_the_file_systems_those_are_told_that_room_is_needed_on() -> None:
    run, full = FileSystem("/run", GIB, GIB // 2), FileSystem("/run", GIB, MIB)
    bad = FileSystem("/var/lib/docker", 0, 0, fault="Input/output error")
    assert [one.path for one in disks_of([ROOT, run, bad])] == ["/"]
    assert [one.path for one in disks_of([ROOT, full])] == ["/", "/run"]
