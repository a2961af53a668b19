"""Records that cannot be decoded are left out, and warned of once; the rest works."""

import pytest

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.reconciler import decide
from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import KeyValue
from fleet_cluster.fleet.model.keys import (
    eligibility_key,
    machine_key,
    move_key,
    order_key,
    schedule_key,
    state_key,
    unit_key,
)
from tests.unit.fleet.cluster_states import Situation, entries
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.fleetctl.small_cluster import (
    DB,
    FakeMachines,
    Fleetctl,
    SmallCluster,
)

U, BROKEN = "u.service", "broken.service"
MALFORMED = {
    machine_key("c"): "{",
    unit_key(BROKEN): "[]",
    eligibility_key("b"): '{"cordoned": "yes"}',
    move_key(U): "",
    schedule_key("b", U): '{"sha": 1}',
    state_key("b", U): "null",
    order_key("b", U): "{}",
}


@pytest.mark.parametrize("key", MALFORMED)
def test_a_malformed_record_is_left_out_and_warned_of_once(key: str) -> None:
    warnings: list[str] = []
    records = entries({**Situation(texts={U: SLEEPS}).records(), key: MALFORMED[key]})
    state = ClusterState(warnings.append)
    for _ in range(2):
        state.update(records.keys(), records, 1)
    assert [warning.startswith(f"{key} cannot be used: not a ") for warning in warnings] == [True]
    assert [(one.machine, one.unit) for one in decide(state).changes] == [("a", U)]
    assert state.plan().placements == {U: "a"}


def test_a_record_that_is_malformed_otherwise_or_again_is_warned_of_again() -> None:
    warnings: list[str] = []
    state, key = ClusterState(warnings.append), unit_key(U)
    good = Situation(texts={U: SLEEPS}).records()[key]
    assert not isinstance(good, str)
    for value in ("{", "[]", good.to_json(), "[]"):
        state.update([key], {key: KeyValue(key, value, 1, 1)})
        assert (U in state.units) == (value == good.to_json())
    assert len(warnings) == 3


def test_fleetctl_warns_of_a_malformed_record_and_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = SmallCluster()
    fleetctl = Fleetctl(cluster, FakeMachines(cluster))
    cluster.add("hello.service")
    cluster.store.put(unit_key(BROKEN), "{")
    for command in ("list-units", "list-machines", "list-unit-files"):
        assert fleetctl(command) == Exit.DONE
        assert capsys.readouterr().err.count(f"/fleet/units/{BROKEN} cannot be used") == 1
    assert fleetctl("why", "hello.service") == Exit.DONE
    capsys.readouterr()
    with Watcher(cluster.store) as watcher:
        watcher.refresh()
        cluster.join(DB)
        watcher.wait(60)
    assert capsys.readouterr().err.count("cannot be used") == 1
