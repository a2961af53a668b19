"""Followers run again, however long their machine takes to see what is asked of it."""

from dataclasses import dataclass, replace

import pytest

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.fleetctl.operations.rejoin import rejoin
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.model.keys import schedule_key, state_key
from fleet_cluster.fleet.model.records import Assignment, DesiredState
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, SmallCluster

LEADER, NAME = "web.service", "log.service"
ENOUGH = 20


@dataclass
class LateCluster(SmallCluster):
    """A cluster whose machines see only the last that was asked, whenever fleetctl waits."""

    is_late: bool = False
    looks: int = 0

    def _take(self, machine: str, name: str, view: ClusterState) -> None:
        unit = view.asked(name)
        if not self.is_late or unit is None:
            super()._take(machine, name, view)
            return
        self.put(schedule_key(machine, name), Assignment(unit.sha, unit.desired_state))

    def look(self) -> None:
        self.looks += 1
        assert self.looks < ENOUGH, "it waits for what nothing brings about"
        ((machine, state),) = self.view().reported(NAME).items()
        asked = self.view().assigned(NAME)[machine].desired_state
        if asked is DesiredState.LOADED:
            self.put(state_key(machine, NAME), replace(state, start_requested_at=0.0))
        elif not state.start_requested_at:
            self.log.append(f"start {NAME}")
            self._start(machine, NAME)


def test_one_is_asked_to_start_when_its_machine_has_seen_that_it_was_not_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = LateCluster()
    cluster.add(LEADER)
    cluster.add(NAME, SLEEP + f"[X-Fleet]\nMachineOf={LEADER}\n")
    at_rest = replace(cluster.state(NAME, "inactive", "dead"), start_requested_at=5.0)
    cluster.report(NAME, at_rest)
    cluster.is_late, wait = True, Watcher.wait

    def look(watcher: Watcher, _seconds: float) -> None:
        cluster.look()
        wait(watcher, 0)

    def catch_up(watcher: Watcher, _revision: int) -> None:
        watcher.refresh()  # Without a wait, in which machines look.

    monkeypatch.setattr(Watcher, "wait", look)
    monkeypatch.setattr(Watcher, "catch_up", catch_up)
    with Watcher(cluster.store) as watcher:
        assert not rejoin(watcher, {LEADER: [NAME]}, None)
    assert cluster.log == [f"start {NAME}"]
