"""Counters of units: by systemd, by their cgroups, by their processes, and with containers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.exec.container import Container
from fleet_cluster.fleet.fleetctl.usage.bus import Told
from fleet_cluster.fleet.fleetctl.usage.engines import Engines
from fleet_cluster.fleet.fleetctl.usage.kernel import TICKS, Kernel
from fleet_cluster.fleet.fleetctl.usage.rates import Counters
from fleet_cluster.fleet.fleetctl.usage.units import Units
from tests.unit.fleet.fleetctl.usage.machine_files import ID, write

WEB = Container("docker", "web-1")


@dataclass
class FakeSystemd:
    told: dict[str, Told] = field(default_factory=dict[str, Told])
    asked: list[str] = field(default_factory=list[str])

    def ask(self, services: Sequence[str]) -> Mapping[str, Told]:
        self.asked = sorted(services)
        return {name: one for name, one in self.told.items() if name in services}


class FakeEngines(Engines):
    """Engines that know what they are told."""

    def __init__(self) -> None:
        super().__init__()
        self.looked: list[Container] = []
        self.running: dict[Container, tuple[str, int]] = {}

    def look_for(self, containers: Iterable[Container]) -> None:
        self.looked = list(containers)
        self._known = {one: at for one, at in self.running.items() if one in self.looked}


@dataclass
class Rig:
    root: Path
    systemd: FakeSystemd = field(default_factory=FakeSystemd)
    engines: FakeEngines = field(default_factory=FakeEngines)

    def __post_init__(self) -> None:
        self.own, self.groups, self.proc = (self.root / one for one in ("own", "groups", "proc"))
        self.own.mkdir()
        kernel = Kernel(self.groups, self.proc)
        root = self.groups / "systemd"
        self.units = Units(self.systemd, kernel, self.engines, self.own, root, self.proc)

    def add(self, name: str, told: Told, processes: Mapping[int, str]) -> None:
        """A unit that runs, with the command lines of its processes."""
        (self.own / name).touch()
        self.systemd.told[name] = told
        listed = "".join(f"{one}\n" for one in processes)
        write(self.groups / "systemd", {f"{told.group.lstrip('/')}/cgroup.procs": listed})
        for one, line in processes.items():
            times = f"{one} (x) S 1 1 1 0 -1 0 0 0 0 0 {one * TICKS} 0 0 0 20"
            words = line.replace(" ", "\0") + "\0"
            write(self.proc, {f"{one}/cmdline": words, f"{one}/stat": times})


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_systemds_own_answer_comes_first(rig: Rig) -> None:
    rig.add("a.service", Told("/system.slice/a.service", 7.5, 4096), {11: "sleep inf"})
    write(rig.groups, {"unified/system.slice/a.service/cpu.stat": "usage_usec 1\n"})
    assert rig.units.counters() == {"a.service": Counters({"unit": 7.5}, 4096)}


def test_where_systemd_does_not_count_the_cgroup_does_and_else_the_processes(rig: Rig) -> None:
    told = Told("/system.slice/a.service", None, None)
    rig.add("a.service", told, {3: "sleep inf", 4: "sleep inf"})
    by_process = Counters({"process 3": 3.0, "process 4": 4.0}, None)
    assert rig.units.counters() == {"a.service": by_process}
    write(rig.groups, {"unified/system.slice/a.service/cpu.stat": "usage_usec 500000\n"})
    write(rig.groups, {"memory/system.slice/a.service/memory.usage_in_bytes": "77"})
    assert rig.units.counters() == {"a.service": Counters({"unit": 0.5}, 77)}


def test_those_are_asked_for_that_fleet_has_written_and_quadlets_by_their_services(
    rig: Rig,
) -> None:
    for name in ("web@.service", "web@1.service", "box.container", "t.timer"):
        (rig.own / name).touch()
    rig.systemd.told["box.service"] = Told("", 1.0, 2)
    assert rig.units.counters() == {"box.container": Counters({"unit": 1.0}, 2)}
    assert rig.systemd.asked == ["box.service", "t.timer", "web@1.service"]


def test_a_unit_without_a_cgroup_has_nothing_of_the_others(rig: Rig) -> None:
    """As while it waits to be restarted."""
    told = Told("/system.slice/a.service", 0.25, 1000)
    rig.add("a.service", told, {11: "/usr/bin/docker start --attach web-1"})
    (rig.own / "b.service").touch()
    rig.systemd.told["b.service"] = Told("", None, None)
    assert rig.units.counters()["b.service"] == Counters({}, None)


def test_a_container_counts_with_the_unit_whose_client_stands_for_it(rig: Rig) -> None:
    told = Told("/system.slice/a.service", 0.25, 1000)
    rig.add("a.service", told, {11: "/usr/bin/docker start --attach web-1"})
    assert rig.units.counters() == {"a.service": Counters(None, None)}, "not found: not known"
    assert rig.engines.looked == [WEB]
    rig.engines.running[WEB] = (ID, 42)
    write(rig.proc, {"42/cgroup": f"0::/system.slice/docker-{ID}.scope\n"})
    group = f"unified/system.slice/docker-{ID}.scope"
    write(rig.groups, {f"{group}/cpu.stat": "usage_usec 3000000\n", f"{group}/memory.current": "5"})
    counted = Counters({"unit": 0.25, f"container {ID}": 3.0}, 1005)
    assert rig.units.counters() == {"a.service": counted}


def test_a_container_that_has_gone_is_looked_for_again(rig: Rig) -> None:
    rig.add(
        "a.service", Told("/system.slice/a.service", 0.25, 1000), {11: "docker run --name web-1"}
    )
    rig.engines.running[WEB] = (ID, 42)
    assert rig.units.counters() == {"a.service": Counters(None, None)}
    assert rig.engines.of(WEB) is None


def test_podmans_containers_within_a_unit_are_counted_with_it_already(rig: Rig) -> None:
    rig.add("a.service", Told("/a.service", 1.0, 10), {11: f"conmon --cid {ID}"})
    write(rig.groups / "systemd", {f"a.service/libpod-payload-{ID}/cgroup.procs": "12\n"})
    assert rig.units.counters() == {"a.service": Counters({"unit": 1.0}, 10)}
    assert rig.engines.looked == []


def test_what_does_not_run_has_no_counters(rig: Rig) -> None:
    (rig.own / "a.service").touch()
    assert rig.units.counters() == {}
    rig.own.joinpath("a.service").unlink()
    rig.own.rmdir()
    assert rig.units.counters() == {}
