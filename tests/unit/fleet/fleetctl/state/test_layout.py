"""fleetctl changes no data of a layout that it does not know."""

import json

import pytest

from fleet_cluster.fleet import VERSION
from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.model.keys import CLUSTER
from fleet_cluster.fleet.model.records import LAYOUT_VERSION, Cluster
from tests.unit.fleet.fleetctl.small_cluster import SLEEP, Fleetctl, SmallCluster

DOCUMENT = json.dumps({"owner": "x", "units": {"x.service": {"text": SLEEP}}})


@pytest.mark.parametrize(
    "words",
    [
        ("stop", "hello"),
        ("destroy", "hello"),
        ("restart", "hello"),
        ("cordon", "10.0.0.11"),
        ("set-metadata", "10.0.0.11", "role=db"),
        ("apply",),
        ("apply", "--claim", "0"),
    ],
    ids=" ".join,
)
def test_data_of_a_newer_layout_are_not_changed(
    fleetctl: Fleetctl, cluster: SmallCluster, words: tuple[str, ...]
) -> None:
    cluster.add("hello.service")
    cluster.put(CLUSTER, Cluster("one", LAYOUT_VERSION + 1))
    fleetctl.document = DOCUMENT
    writes = cluster.store.writes
    with pytest.raises(CtlError, match="nothing was changed") as refusal:
        fleetctl(*words)
    assert f"layout {LAYOUT_VERSION + 1}, and fleetctl {VERSION}" in str(refusal.value)
    assert "pulumi up" in str(refusal.value) and cluster.store.writes == writes


def test_data_of_a_newer_layout_can_be_looked_at(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    cluster.put(CLUSTER, Cluster("one", LAYOUT_VERSION + 1))
    assert fleetctl("list-units") == 0


def test_data_of_this_layout_are_changed(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    cluster.put(CLUSTER, Cluster("one"))
    assert fleetctl("stop", "hello") == 0
