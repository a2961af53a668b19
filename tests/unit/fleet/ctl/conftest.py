import pytest

from components.fleet.ctl.arguments import CONNECTION_OPTIONS, STORE_OPTIONS

from .small_cluster import FakeMachines, Fleetctl, SmallCluster


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for option in (*CONNECTION_OPTIONS, *STORE_OPTIONS):
        monkeypatch.delenv(option.variable, raising=False)


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster()


@pytest.fixture
def machines(cluster: SmallCluster) -> FakeMachines:
    return FakeMachines(cluster)


@pytest.fixture
def fleetctl(cluster: SmallCluster, machines: FakeMachines) -> Fleetctl:
    return Fleetctl(cluster, machines)
