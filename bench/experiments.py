"""What is measured on the cluster: each function is one experiment, and returns its numbers."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.cluster import asking

from .counting import Counts
from .lab import Lab, unit_names

IDLE_SECONDS = 60.0
IDLE_UNITS = 100
LIMIT_SECONDS = 120.0

Work = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class Took:
    """Seconds from the moment when a command was typed, or a machine was killed."""

    processes: float
    """Until the last process ran, or was gone."""
    told: float
    """Until the command had ended, and list-units says the same."""


@dataclass(frozen=True)
class Usage:
    """What one program of one machine uses while nothing happens."""

    machine: str
    program: str
    leads: bool
    percent: float
    """Of one processor."""
    rss: float
    """MiB."""
    pss: float
    """MiB, memory that is shared with others divided by them."""


def start_and_destroy(lab: Lab, size: int, repetitions: int) -> dict[str, dict[str, list[Took]]]:
    """Start and destroy so many units in each way in turn: the times by verb and way."""
    units = unit_names(size)
    ways: dict[str, tuple[Work, Work]] = {
        "tunnel": (_fleetctl(lab.fleetctl, "start"), _fleetctl(lab.fleetctl, "destroy")),
        "machine": (
            _fleetctl(lab.fleetctl_there, "start"),
            _fleetctl(lab.fleetctl_there, "destroy"),
        ),
        "systemd": (lab.start_with_systemd, lab.stop_with_systemd),
    }
    took: dict[str, dict[str, list[Took]]] = {
        verb: {way: [] for way in ways} for verb in ("start", "destroy")
    }
    with lab.counts() as counts:
        for _ in range(repetitions):
            for way, (start, destroy) in ways.items():
                took["start"][way].append(_timed(start, units, counts, size))
                _check(lab, size if way != "systemd" else 0)
                took["destroy"][way].append(_timed(destroy, units, counts, 0))
                _check(lab, 0)
    return took


def failover(lab: Lab, size: int, leads: bool, repetitions: int) -> list[Took]:
    """Kill a machine that leads etcd and fleet, or one that leads neither; then start it again."""
    return [_kill_one(lab, size, leads) for _ in range(repetitions)]


def idle(lab: Lab) -> list[Usage]:
    """What fleetd and etcd use while 100 units run and nothing happens."""
    lab.fleetctl("start", *unit_names(IDLE_UNITS))
    try:
        leading = {"fleetd": fleet_leader(lab), "etcd": asking.etcd_leader(lab.stack, "machine-1")}
        places = [(name, program) for name in sorted(lab.machines) for program in leading]
        before = {place: _processor_seconds(lab, *place) for place in places}
        began = time.monotonic()
        time.sleep(IDLE_SECONDS)  # What is measured is that nothing happens.
        after = {place: _processor_seconds(lab, *place) for place in places}
        spent = time.monotonic() - began
        return [
            Usage(
                machine,
                program,
                leading[program] == machine,
                100 * (after[machine, program] - before[machine, program]) / spent,
                *_memory(lab, machine, program),
            )
            for machine, program in places
        ]
    finally:
        lab.fleetctl("destroy", *unit_names(IDLE_UNITS))


def fleet_leader(lab: Lab) -> str:
    """The name of the machine whose fleetd leads."""
    names = {id: name for name, id in asking.machine_ids(lab.stack, lab.machines).items()}
    return names[asking.fleet_leader(lab.stack, "machine-1")]


def _fleetctl(run: Callable[..., None], verb: str) -> Work:
    return lambda units: run(verb, *units)


def _timed(work: Work, units: Sequence[str], counts: Counts, total: int) -> Took:
    began = time.time()
    work(units)
    told = time.time() - began
    return Took(counts.when(total) - began, told)


def _check(lab: Lab, size: int) -> None:
    active = lab.active()
    assert len(active) == size, f"list-units shows {len(active)} active units, not {size}"


def _kill_one(lab: Lab, size: int, leads: bool) -> Took:
    lab.fleetctl("start", *unit_names(size))
    leader = fleet_leader(lab)
    asking.give_etcd_lead(lab.stack, leader)
    rest = [name for name in sorted(lab.machines) if name != leader]
    victim, *others = (leader, *rest) if leads else (*rest, leader)
    address = lab.machines[victim]
    assert address in lab.active().values(), f"no unit runs on {victim}"
    container = lab.stack.container(victim)
    with lab.counts(others) as counts:
        began = time.time()
        lab.stack.run("docker", "kill", container)
        processes = counts.when(size) - began
        told = _told(lab, size, address, others[-1]) - began
    lab.stack.run("docker", "start", container)
    lab.wait_until_whole()
    lab.fleetctl("destroy", *unit_names(size))
    return Took(processes, told)


def _told(lab: Lab, size: int, lost: str, through: str) -> float:
    """When list-units showed every unit as active on the other machines."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        active = lab.active(through)
        if len(active) == size and lost not in active.values():
            return time.time()
        assert time.monotonic() < deadline, f"list-units still shows {len(active)} active units"


def _processor_seconds(lab: Lab, machine: str, program: str) -> float:
    pid = _pid(lab, machine, program)
    fields = lab.stack.on(machine, f"cat /proc/{pid}/stat").out.rpartition(")")[2].split()
    ticks = int(lab.stack.on(machine, "getconf CLK_TCK").out)
    return (int(fields[11]) + int(fields[12])) / ticks


def _memory(lab: Lab, machine: str, program: str) -> tuple[float, float]:
    pid = _pid(lab, machine, program)
    text = lab.stack.on(machine, f"sudo cat /proc/{pid}/smaps_rollup").out
    rss, pss = (
        int(found.group(1)) / 1024
        for name in ("Rss", "Pss")
        if (found := re.search(rf"^{name}: *(\d+) kB", text, re.M))
    )
    return rss, pss


def _pid(lab: Lab, machine: str, program: str) -> int:
    shown = lab.stack.on(machine, f"systemctl show --value --property=MainPID {program}.service")
    return int(shown.out)
