from collections.abc import Sequence

import pytest

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.fleetctl.cli.errors import CtlError, Exit
from fleet_cluster.fleet.fleetctl.state.transaction import Transaction, tidy, transact
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import (
    Condition,
    KVRefusedError,
    KVUnavailableError,
    Operation,
    Put,
)
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import DesiredState, Unit
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fleetctl.small_cluster import (
    SLEEP,
    FakeMachines,
    Fleetctl,
    SmallCluster,
    SmallStore,
)

SHA = sha_of(SLEEP)
WANTED = Transaction({"hello.service": Unit(SHA, DesiredState.INACTIVE)}, {SHA: SLEEP})


def once(view: ClusterState) -> Transaction:
    """What is missing."""
    return Transaction() if "hello.service" in view.units else WANTED


def test_writes_unit_and_file_at_once(cluster: SmallCluster) -> None:
    writes = cluster.store.writes
    with Watcher(cluster.store) as watcher:
        assert transact(watcher, once) == WANTED
        assert watcher.state.text_of("hello.service") == SLEEP
    assert cluster.store.writes == writes + 1


def test_decides_again_when_others_were_faster(cluster: SmallCluster) -> None:
    with Watcher(cluster.store) as watcher:
        cluster.add("hello.service", SLEEP + "#other\n", DesiredState.INACTIVE)
        assert transact(watcher, once) == Transaction()
    assert cluster.view().text_of("hello.service") == SLEEP + "#other\n"


def test_gives_up_when_others_never_stop(cluster: SmallCluster) -> None:
    def decide(view: ClusterState) -> Transaction:
        cluster.put(keys.unit_key("hello.service"), Unit("0" * 64))
        return WANTED

    with Watcher(cluster.store) as watcher, pytest.raises(CtlError, match="keeps changing"):
        transact(watcher, decide)


class Strict(SmallStore):
    """A store that refuses what etcd refuses."""

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        if sum(len(one.value.encode()) for one in operations if isinstance(one, Put)) > 1_500_000:
            raise KVRefusedError("INVALID_ARGUMENT: etcdserver: request is too large")
        return super().commit(operations, *conditions)


def test_files_that_are_too_large_for_one_request_go_in_several() -> None:
    cluster = SmallCluster(Strict())
    machines = FakeMachines(cluster)
    files = {f"{n}.service": f"{SLEEP}#{n}{'ä' * 450_000}\n" for n in range(4)}
    assert Fleetctl(cluster, machines, files)("start", *files) == Exit.DONE
    assert {name: cluster.view().text_of(name) for name in files} == files


def test_instances_of_one_large_file_go_together() -> None:
    cluster = SmallCluster(Strict())
    files = {"web@.service": SLEEP + "#" * 900_000}
    before = cluster.store.writes
    Fleetctl(cluster, FakeMachines(cluster), files)("submit", "web@1", "web@2", "web@3")
    assert cluster.store.writes == before + 1


class Unsure(SmallStore):
    """A store that does what it was asked, and then does not answer."""

    def __init__(self, error: KVUnavailableError) -> None:
        super().__init__()
        self.error: KVUnavailableError | None = error

    def commit(self, operations: Sequence[Operation], *conditions: Condition) -> int:
        revision = super().commit(operations, *conditions)
        if self.error:
            error, self.error = self.error, None
            raise error
        return revision


def test_looks_again_when_nobody_knows_what_became_of_it() -> None:
    store = Unsure(KVUnavailableError("no answer"))
    with Watcher(store) as watcher:
        transact(watcher, once)
        assert "hello.service" in watcher.state.units
    assert store.writes == 1


def test_a_refusal_is_final() -> None:
    with (
        Watcher(Unsure(KVRefusedError("no space"))) as watcher,
        pytest.raises(KVRefusedError, match="no space"),
    ):
        transact(watcher, once)


def test_tidy_removes_only_what_nothing_names(cluster: SmallCluster) -> None:
    cluster.add("hello.service")
    cluster.store.commit([Put(keys.file_key("0" * 64), "unused")])
    with Watcher(cluster.store) as watcher:
        tidy(watcher)
    assert set(cluster.view().files) == {SHA}


def test_tidy_spares_a_file_that_is_being_submitted(cluster: SmallCluster) -> None:
    cluster.store.commit([Put(keys.file_key(SHA), SLEEP)])
    with Watcher(cluster.store) as watcher, Watcher(cluster.store) as other:
        transact(other, once)
        tidy(watcher)
    assert cluster.view().text_of("hello.service") == SLEEP
