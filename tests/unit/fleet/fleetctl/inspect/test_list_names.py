"""`fleetctl list-names`: who is found where, and why one is not."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.model.keys import name_key
from fleet_cluster.fleet.model.service_records import ServiceRecord
from fleet_cluster.fleet.service_name import instance_label
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, Fleetctl, SmallCluster

GOLDEN = Path(__file__).parents[1] / "golden"
Output = pytest.CaptureFixture[str]
NAMED = SLEEP + "[X-Fleet]\nName=web:%i\n"


@pytest.fixture
def named(cluster: SmallCluster) -> SmallCluster:
    """One that is found, one that is up and not found yet, one that has failed, one without."""
    for port in ("5000", "5001", "5002"):
        cluster.add(f"web@{port}.service", NAMED)
    cluster.add("plain.service")
    cluster.report("web@5002.service", cluster.state("web@5002.service", "failed", "failed"))
    ((machine, _),) = cluster.view().assigned("web@5000.service").items()
    host = {WEB.id: WEB.address, DB.id: DB.address}[machine]
    key = name_key("web", instance_label("web@5000.service", machine))
    cluster.put(key, ServiceRecord(host, "web@5000.service", machine, 5000))
    return cluster


@pytest.mark.parametrize("output", ["table", "json"])
def test_names_are_listed_with_what_is_told_of_each(
    fleetctl: Fleetctl, named: SmallCluster, capsys: Output, output: str
) -> None:
    assert fleetctl("list-names", "--output", output) == Exit.DONE
    suffix = "txt" if output == "table" else output
    assert capsys.readouterr().out == (GOLDEN / f"list-names.{suffix}").read_text()


def test_a_cluster_without_names_says_so(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("list-names") == Exit.DONE
    assert "No unit that is to run has a Name=" in capsys.readouterr().err
