"""How the time of `schedule()` grows with the cluster: `python -m bench.schedule`.

Prints, for several kinds of units, processor seconds for 1,000 units on 100 machines and for
10,000 units on 1,000 machines, best of five in alternation, and their ratio. Ten
times the units and machines take ten times the time where the growth is linear; the test of growth
(tests/unit/fleet/scheduler) counts instructions instead.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import process_time

from fleet_cluster.fleet.model.records import MachineState
from fleet_cluster.fleet.scheduler.schedule import Job, schedule
from fleet_cluster.fleet.unitfiles.resources import Resources
from fleet_cluster.fleet.unitfiles.unitfile import Requirements

SMALL, LARGE = (1_000, 100), (10_000, 1_000)
REPETITIONS = 5
ROLES = 10

Run = Callable[[], object]


def _machines(count: int) -> list[MachineState]:
    return [
        MachineState(f"{n:032x}", f"machine-{n}", f"machine-{n}", {"role": f"role-{n % ROLES}"})
        for n in range(count)
    ]


def _free(count: int) -> list[Job]:
    return [Job(f"unit-{n}.service", Requirements()) for n in range(count)]


def _first_placement(units: int, count: int) -> Run:
    jobs, machines = _free(units), _machines(count)
    return lambda: schedule(jobs, machines, {})


def _nothing_to_do(units: int, count: int) -> Run:
    jobs, machines = _free(units), _machines(count)
    current = schedule(jobs, machines, {}).placements
    return lambda: schedule(jobs, machines, current)


def _a_tenth_of_the_machines_lost(units: int, count: int) -> Run:
    jobs, machines = _free(units), _machines(count)
    current = schedule(jobs, machines, {}).placements
    return lambda: schedule(jobs, machines[count // 10 :], current)


def _followers(units: int, count: int) -> Run:
    followed = _free(units // 2)
    followers = [
        Job(f"follower-{n}.service", Requirements(machine_of=(job.name,)))
        for n, job in enumerate(followed)
    ]
    machines = _machines(count)
    return lambda: schedule([*followed, *followers], machines, {})


def _metadata(units: int, count: int) -> Run:
    jobs = [
        Job(
            f"unit-{n}.service",
            Requirements(machine_metadata={"role": frozenset({f"role-{n % ROLES}"})}),
        )
        for n in range(units)
    ]
    machines = _machines(count)
    return lambda: schedule(jobs, machines, {})


def _conflicts(units: int, count: int) -> Run:
    """As many templates as needed for each to have one instance on every second machine."""
    size = count // 2
    jobs = [
        Job(f"t{n // size}@{n % size}.service", Requirements(conflicts=(f"t{n // size}@*",)))
        for n in range(units)
    ]
    machines = _machines(count)
    return lambda: schedule(jobs, machines, {})


def _most_fit_nowhere(units: int, count: int) -> Run:
    jobs = [Job(f"t@{n}.service", Requirements(conflicts=("t@*",))) for n in range(units)]
    machines = _machines(count)
    return lambda: schedule(jobs, machines, {})


def _half_replaced(units: int, count: int) -> Run:
    old = _free(units // 2)
    new = [Job(f"new-{n}.service", Requirements(replaces=(job.name,))) for n, job in enumerate(old)]
    machines = _machines(count)
    current = schedule(old, machines, {}).placements
    return lambda: schedule([*old, *new], machines, current)


def _reserved(units: int, count: int) -> Run:
    """Of twelve sizes; half of the machines have room for three of the smallest, and fill up."""
    sizes = [Resources(memory=12 - n % 12, cpu=n % 3) for n in range(units)]
    jobs = [Job(f"unit-{n}.service", Requirements(resources=size)) for n, size in enumerate(sizes)]
    machines = [
        replace(one, memory=3 if n % 2 else 200, cpus=1.0) for n, one in enumerate(_machines(count))
    ]
    return lambda: schedule(jobs, machines, {})


def _in_zones(units: int, count: int, size: int) -> Run:
    """Templates of so many instances, in three zones."""
    jobs = [Job(f"t{n // size}@{n % size}.service", Requirements()) for n in range(units)]
    machines = [
        replace(one, metadata={"zone": "abc"[n % 3]}) for n, one in enumerate(_machines(count))
    ]
    return lambda: schedule(jobs, machines, {})


def _small_templates(units: int, count: int) -> Run:
    return _in_zones(units, count, 4)


def _large_templates(units: int, count: int) -> Run:
    return _in_zones(units, count, units // 4)


def _half_follow_what_is_stopped(units: int, count: int) -> Run:
    """Each for reasons of its own, and each machine's."""
    jobs = [
        Job(f"follower-{n}.service", Requirements(machine_of=(f"stopped-{n}.service",)))
        for n in range(units // 2)
    ]
    machines = _machines(count)
    return lambda: schedule([*jobs, *_free(units // 2)], machines, {})


CASES: dict[str, Callable[[int, int], Run]] = {
    "first placement": _first_placement,
    "nothing to do": _nothing_to_do,
    "a tenth of the machines lost": _a_tenth_of_the_machines_lost,
    "half are followers": _followers,
    "metadata": _metadata,
    "conflicts": _conflicts,
    "nine of ten fit nowhere": _most_fit_nowhere,
    "half are replaced": _half_replaced,
    "reserved resources": _reserved,
    "templates of four in zones": _small_templates,
    "four templates in zones": _large_templates,
    "half follow what is stopped": _half_follow_what_is_stopped,
}


def _seconds(runs: Sequence[Run]) -> list[float]:
    """The best time of each; in alternation, so that all see the same load."""
    times: list[list[float]] = []
    for _ in range(REPETITIONS):
        times.append([])
        for run in runs:
            start = process_time()
            run()
            times[-1].append(process_time() - start)
    return [min(column) for column in zip(*times, strict=True)]


def main() -> None:
    """Print a line for each case."""
    # The library has imported Pulumi, which a machine has not: it is not to cost time here.
    gc.freeze()
    labels = [f"{units:,} on {machines:,}" for units, machines in (SMALL, LARGE)]
    print(f"{'':30}{labels[0]:>16}{labels[1]:>18}{'ratio':>8}")
    for name, prepare in CASES.items():
        small, large = _seconds([prepare(*SMALL), prepare(*LARGE)])
        print(f"{name:30}{small:>14.3f} s{large:>16.3f} s{large / small:>8.1f}")


if __name__ == "__main__":
    main()
