from dataclasses import replace

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit, TimedOutError, UsageError
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import Metadata
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]


@pytest.fixture
def attentive(cluster: SmallCluster) -> SmallCluster:
    """A cluster whose machines announce what was set, as fleetd does."""

    def announce(changes: Changes) -> None:
        for key, entry in changes.puts.items():
            if key == keys.metadata_key(DB.id):
                given = Metadata.from_json(entry.value).over(DB.metadata)
                cluster.join(replace(DB, metadata=given))

    cluster.store.watch(keys.METADATA, cluster.store.revision, announce, lambda: None)
    return cluster


def test_a_machine_has_what_was_set(
    fleetctl: Fleetctl, attentive: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("set-metadata", "machine-2", "disk=ssd") == Exit.DONE
    assert fleetctl("set-metadata", "machine-2", "zone=b", "role=") == Exit.DONE
    assert capsys.readouterr().out.splitlines() == [
        "9d04e6a1.../10.0.0.12 has disk=ssd,role=db",
        "9d04e6a1.../10.0.0.12 has disk=ssd,zone=b",
    ]


def test_a_unit_that_waited_for_it_has_a_machine(
    fleetctl: Fleetctl, attentive: SmallCluster
) -> None:
    attentive.add("big.service", SLEEP + "[X-Fleet]\nMachineMetadata=disk=ssd\n")
    assert "big.service" in attentive.view().plan().unplaced
    fleetctl("set-metadata", "machine-2", "disk=ssd")
    assert attentive.view().plan().placements["big.service"] == DB.id


def test_a_machine_that_is_away_has_it_later(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    cluster.add("a.service")
    cluster.leave(WEB)
    assert fleetctl("set-metadata", WEB.id, "role=db") == Exit.DONE
    assert "when it is back" in capsys.readouterr().out


def test_it_waits_for_the_machine(fleetctl: Fleetctl, cluster: SmallCluster) -> None:
    with pytest.raises(TimedOutError, match="not taken it over"):
        fleetctl("set-metadata", "machine-2", "role=web", "--timeout", "0.01")


@pytest.mark.parametrize("given", ["role", "a b=c", "=x", "role=a,b", "role=a=b"])
def test_what_is_no_pair_is_refused_before_anything_is_written(
    fleetctl: Fleetctl, cluster: SmallCluster, given: str
) -> None:
    with pytest.raises(UsageError, match="write KEY=VALUE"):
        fleetctl("set-metadata", "machine-2", "zone=b", given)
    assert keys.metadata_key(DB.id) not in cluster.store.entries


def test_an_unknown_machine_is_refused(fleetctl: Fleetctl) -> None:
    with pytest.raises(CtlError, match="is no machine"):
        fleetctl("set-metadata", "machine-9", "role=web")
