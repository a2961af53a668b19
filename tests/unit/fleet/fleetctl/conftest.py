from collections.abc import Iterator

import pytest

from fleet_cluster.fleet.cluster_state import unit_files
from fleet_cluster.fleet.fleetctl.cli import output
from fleet_cluster.fleet.fleetctl.cli.options import CONNECTION_OPTIONS, ETCD_OPTIONS
from fleet_cluster.fleet.fleetctl.remote.trace import ENDPOINTS
from fleet_cluster.fleet.unitfiles import unitfile
from tests.unit.fleet.fleetctl.small_cluster import FakeMachines, Fleetctl, SmallCluster


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    options = [option.variable for option in (*CONNECTION_OPTIONS, *ETCD_OPTIONS)]
    for variable in (*options, *ENDPOINTS):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(autouse=True)
def _healthy_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Units are relied on when they are active, unless a file says `HealthySec=`.

    What is parsed meanwhile says so too: no test has it of the one before, neither here nor
    elsewhere.
    """
    monkeypatch.setattr(unitfile, "HEALTHY_SECONDS", 0.0)
    unit_files.parse_once.cache_clear()
    yield
    unit_files.parse_once.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """What takes a second is told of, on the same output as a command's own words.

    On a busy computer anything may: a test that reads these words says itself what is slow.
    """
    monkeypatch.setattr(output, "SLOW_SECONDS", 3600.0)


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster()


@pytest.fixture
def machines(cluster: SmallCluster) -> FakeMachines:
    return FakeMachines(cluster)


@pytest.fixture
def fleetctl(cluster: SmallCluster, machines: FakeMachines) -> Fleetctl:
    return Fleetctl(cluster, machines)
