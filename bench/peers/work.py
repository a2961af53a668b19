"""What is measured of a system: what it takes until its containers run, or are gone."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from tests.cluster import asking

from ..counting import Counts, processes_named
from ..experiments import fleet_leader
from ..lab import Lab
from .figures import Took
from .systems import FIRST, IMAGES, NEW, OLD, System, on_machine

SIZE = 100
LIMIT_SECONDS = 200.0
_USED = """
if [ -e /sys/fs/cgroup/cpu.stat ]; then
    awk '/^usage_usec/ { print $2 / 1e6 }' /sys/fs/cgroup/cpu.stat
else
    awk '{ print $1 / 1e9 }' /sys/fs/cgroup/cpuacct/cpuacct.usage
fi
"""
"""Seconds of processors that a machine has used: what other work on the computer changes least."""


def start_and_destroy(lab: Lab, system: System) -> dict[str, Took]:
    """Start all, and destroy them."""
    with _present(system):
        return {
            "start": _took(lab, OLD, SIZE, lambda: system.start(SIZE)),
            "destroy": _took(lab, OLD, 0, system.destroy),
        }


def roll(lab: Lab, system: System) -> dict[str, Took]:
    """Bring another image to all, a few at a time."""
    with _present(system):
        _took(lab, OLD, SIZE, lambda: system.start(SIZE))
        took = _took(lab, NEW, SIZE, system.roll)
        _took(lab, NEW, 0, system.destroy)
    return {"roll": took}


def machine_killed(lab: Lab, system: System) -> dict[str, Took]:
    """A machine ends, which leads nothing, and all run on the others."""
    with running(lab, system):
        victim = _follower(lab)
        container = lab.stack.container(victim)
        others = [name for name in lab.machines if name != victim]
        kill = ("docker", "kill", container)
        took = _took(lab, OLD, SIZE, lambda: lab.stack.run(*kill), others)
        lab.stack.run("docker", "start", container)
        lab.wait_until_whole()
        system.wait_until_whole()
    return {"a machine killed": took}


@contextmanager
def running(lab: Lab, system: System) -> Generator[None]:
    """All containers run while the block does."""
    with _present(system):
        _took(lab, OLD, SIZE, lambda: system.start(SIZE))
        yield
        _took(lab, OLD, 0, system.destroy)


@contextmanager
def _present(system: System) -> Generator[None]:
    """What fails ends the measurement, and the machines: nothing is tidied up then."""
    system.set_up()
    yield
    system.remove()


def _took(
    lab: Lab, image: str, total: int, work: Callable[[], object], on: Iterable[str] | None = None
) -> Took:
    """Until so many processes of the image run on these machines, or on all."""
    names = sorted(on or lab.machines)
    with Counts(lab.containers(names), processes_named(IMAGES[image])) as counts:
        used, began = _used(lab, names), time.time()
        work()
        seconds = counts.when(total, LIMIT_SECONDS) - began
        return Took(seconds, _used(lab, names) - used)


def _used(lab: Lab, machines: Iterable[str]) -> float:
    return sum(float(on_machine(lab, name, "sh", "-c", _USED).out) for name in machines)


def _follower(lab: Lab) -> str:
    """A machine that leads neither fleet nor etcd nor Swarm, which the first machine leads."""
    leader = fleet_leader(lab)
    asking.give_etcd_lead(lab.stack, leader)
    return next(name for name in sorted(lab.machines) if name not in (leader, FIRST))
