"""`fleetctl list-backups` and `fleetctl backup`: what is known of the last one, and one more."""

import time
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.backups import Backup
from tests.unit.fleet.fleetctl.small_cluster import WEB, FakeMachines, Fleetctl, SmallCluster

GOLDEN = Path(__file__).parents[1] / "golden"
TAKEN = 1_795_921_200.0
LAST = Backup(
    TAKEN, "fleet-6d0fd7c9-20261129T030000Z.db", 155680, "/mnt/backups", WEB.address, 86400.0
)

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: TAKEN + 3600)


@pytest.mark.parametrize(("output", "kind"), [("table", "txt"), ("json", "json")])
def test_the_last_one(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output, output: str, kind: str
) -> None:
    cluster.put(keys.BACKUP, LAST)
    assert fleetctl("list-backups", "--output", output) == Exit.DONE
    assert capsys.readouterr().out == (GOLDEN / f"list-backups.{kind}").read_text()


def test_a_failure_since(fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output) -> None:
    cluster.put(keys.BACKUP, Backup(0.0, failed_at=TAKEN, failure="no room"))
    fleetctl("list-backups", "--no-legend")
    cells = capsys.readouterr().out.rstrip("\n").split("\t")
    assert cells[0] == "-" and cells[-1] == "the last backup of etcd failed: no room"


def test_none_yet(fleetctl: Fleetctl) -> None:
    with pytest.raises(CtlError, match="no backup of etcd was taken yet. Where a program has"):
        fleetctl("list-backups")


def test_one_is_taken_where_the_service_is(
    fleetctl: Fleetctl, cluster: SmallCluster, machines: FakeMachines
) -> None:
    cluster.add("fleet-backup.service")
    assert fleetctl("backup") == Exit.DONE
    [(machine, [*_, script], _)] = machines.runs
    assert machine == WEB.hostname
    assert script.startswith("sudo systemctl start fleet-backup.service; code=$?; ")


def test_without_the_service_it_says_what_takes_backups(fleetctl: Fleetctl) -> None:
    with pytest.raises(CtlError, match="where a program's cluster has `backups`"):
        fleetctl("backup")
