"""A unit that has done its work, as operators meet it."""

from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.model import keys, records
from tests.unit.fleet.fleetctl.small_cluster import DB, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

ONCE = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
JOB = "job.service"


@pytest.fixture
def finished(cluster: SmallCluster) -> SmallCluster:
    """A cluster in which a unit has done its work on machine-1."""
    cluster.behaviour[JOB] = [cluster_state("activating"), cluster_state("inactive")]
    cluster.add(JOB, ONCE)
    (told,) = cluster.view().assigned(JOB).values()
    cluster.put(keys.schedule_key(WEB.id, JOB), replace(told, completed=True))
    return cluster


def cluster_state(active: str) -> records.UnitState:
    return records.UnitState("loaded", active, "dead", "")


def test_drain_leaves_it_where_it_is(
    fleetctl: Fleetctl, finished: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("drain", "machine-1") == Exit.DONE
    assert finished.log == []
    fleetctl("list-machines")
    assert "drained" in capsys.readouterr().out


def test_it_is_no_load(fleetctl: Fleetctl, finished: SmallCluster, capsys: Output) -> None:
    finished.put(keys.eligibility_key(DB.id), records.Eligibility())
    for number in range(2):
        finished.add(f"web@{number}.service")
    finished.store.remove(keys.eligibility_key(DB.id))
    fleetctl("rebalance", "--dry-run", "--fields", "unit,why", "--no-legend")
    assert capsys.readouterr().out.endswith("2 and 0 units become 1 and 1\n")


def test_it_is_told_of_a_lost_machine_that_it_is_done(
    fleetctl: Fleetctl, finished: SmallCluster, capsys: Output
) -> None:
    finished.leave(WEB)
    fleetctl("list-units", "--no-legend")
    assert capsys.readouterr().out.split() == [JOB, "3f2a91bc.../lost", "inactive", "dead"]
    assert fleetctl("why", JOB) == Exit.DONE
    assert "waiting" not in capsys.readouterr().out


def test_it_can_be_run_again_when_its_machine_is_lost(
    fleetctl: Fleetctl, finished: SmallCluster
) -> None:
    finished.leave(WEB)
    assert fleetctl("start", JOB) == Exit.DONE
    assert finished.log == [f"stop {JOB}", f"start {JOB}"]
    assert set(finished.view().assigned(JOB)) == {DB.id}
