"""What programs use on each machine while containers run and nothing happens."""

import json
import time
from collections.abc import Mapping, Sequence

from ..lab import Lab
from .figures import Used
from .systems import System, on_machine
from .work import running

SECONDS = 30.0
SETTLED_SECONDS = 5.0
PROGRAMS = (
    "fleetd",
    "etcd",
    "dockerd",
    "containerd",
    "containerd-shim",
    "docker",
    "conmon",
)
_SAMPLE = """
import collections, glob, json, os, re
ticks, memory = collections.Counter(), collections.Counter()
def read(path):
    with open(path) as file:
        return file.read()
for folder in glob.glob("/proc/[0-9]*"):
    try:
        name = read(folder + "/comm").strip()
        if "/fleetd.service" in read(folder + "/cgroup"):
            name = "fleetd"
        fields = read(folder + "/stat").rpartition(")")[2].split()
        found = re.search("^Pss: *([0-9]+) kB", read(folder + "/smaps_rollup"), re.M)
    except OSError:
        continue
    ticks[name] += int(fields[11]) + int(fields[12])
    memory[name] += int(found[1]) if found else 0
hertz = os.sysconf("SC_CLK_TCK")
print(json.dumps({name: (ticks[name] / hertz, memory[name] / 1024) for name in ticks}))
"""
"""Processor seconds and MiB (memory that is shared, divided by who shares it) by program."""

Sample = Mapping[str, tuple[float, float]]


def idle(lab: Lab, system: System) -> dict[str, list[Used]]:
    """What each program uses, machine by machine."""
    with running(lab, system):
        time.sleep(SETTLED_SECONDS)  # What is measured is that nothing happens.
        before, began = _samples(lab), time.monotonic()
        time.sleep(SECONDS)
        after, spent = _samples(lab), time.monotonic() - began
    return used(before, after, spent)


def used(
    before: Sequence[Sample], after: Sequence[Sample], seconds: float
) -> dict[str, list[Used]]:
    """What was used between samples of the same machines, by program, if it runs."""
    return {
        program: [
            Used(100 * (end[0] - begin[0]) / seconds, end[1])
            for begin, end in (
                (first.get(program, (0.0, 0.0)), last.get(program, (0.0, 0.0)))
                for first, last in zip(before, after, strict=True)
            )
        ]
        for program in PROGRAMS
        if any(program in sample for sample in after)
    }


def _samples(lab: Lab) -> list[Sample]:
    return [
        json.loads(on_machine(lab, name, "python3", "-c", _SAMPLE).out)
        for name in sorted(lab.machines)
    ]
