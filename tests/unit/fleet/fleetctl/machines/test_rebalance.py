import json
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import Exit, TimedOutError, UsageError
from fleet_cluster.fleet.fleetctl.operations.machines.rebalance import RebalanceProgress
from fleet_cluster.fleet.fleetctl.wait.outcome import Failed
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import Eligibility, Move
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]

GOLDEN = Path(__file__).parents[1] / "golden"
LOG = SLEEP + "[X-Fleet]\nMachineOf=web@%i.service\n"


@pytest.fixture
def uneven(cluster: SmallCluster) -> SmallCluster:
    """All units on one machine; the other gets units again."""
    cluster.put(keys.eligibility_key(DB.id), Eligibility())
    cluster.add("all.service", SLEEP + "[X-Fleet]\nGlobal=true\n")
    for number in (1, 2):
        cluster.add(f"web@{number}.service")
        cluster.add(f"log@{number}.service", LOG)
    cluster.store.remove(keys.eligibility_key(DB.id))
    return cluster


def test_a_dry_run_only_prints(fleetctl: Fleetctl, uneven: SmallCluster, capsys: Output) -> None:
    writes = uneven.store.writes
    assert fleetctl("rebalance", "--dry-run") == Exit.DONE
    assert capsys.readouterr().out == (GOLDEN / "rebalance.txt").read_text()
    assert fleetctl("rebalance", "--dry-run", "--output", "json") == Exit.DONE
    assert capsys.readouterr().out == (GOLDEN / "rebalance.json").read_text()
    assert uneven.store.writes == writes


def test_it_moves_and_prints_a_line_for_each(
    fleetctl: Fleetctl, uneven: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("rebalance") == Exit.DONE
    moved = "moved from 3f2a91bc.../10.0.0.11 to 9d04e6a1.../10.0.0.12"
    lines = [f"web@1.service {moved}", f"log@1.service {moved}"]
    table = (GOLDEN / "rebalance.txt").read_text()
    assert capsys.readouterr().out == table + "\n".join([*lines, ""])
    assert not uneven.view().moves
    assert uneven.view().homes("web@1.service") == uneven.view().homes("log@1.service") == [DB.id]
    assert uneven.view().homes("web@2.service") == [WEB.id]
    assert fleetctl("rebalance") == Exit.DONE
    balanced = "Nothing to move: the machines are balanced; units on each: 2, 2\n"
    assert capsys.readouterr().out == balanced


def test_json_is_all_that_goes_to_standard_output(
    fleetctl: Fleetctl, uneven: SmallCluster, capsys: Output
) -> None:
    assert fleetctl("rebalance", "--output", "json") == Exit.DONE
    printed = capsys.readouterr()
    first = {"unit": "web@1.service", "from": WEB.id, "to": DB.id}
    assert json.loads(printed.out)[0].items() >= first.items()
    assert "web@1.service moved" in printed.err
    assert fleetctl("rebalance", "--output", "json") == Exit.DONE
    assert json.loads(capsys.readouterr().out) == []


def test_what_nothing_can_even_out_is_said(
    fleetctl: Fleetctl, cluster: SmallCluster, capsys: Output
) -> None:
    for number in range(3):
        cluster.add(f"a{number}.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=web\n")
    assert fleetctl("rebalance") == Exit.DONE
    assert "no unit that may move would even them out; units on each: 3, 0" in (
        capsys.readouterr().out
    )


def test_an_unknown_field_is_refused_before_anything_moves(
    fleetctl: Fleetctl, uneven: SmallCluster
) -> None:
    with pytest.raises(UsageError, match="unknown field 'form'.*did you mean from"):
        fleetctl("rebalance", "--fields", "form")
    assert uneven.view().homes("web@1.service") == [WEB.id]


@pytest.mark.parametrize("name", ["web@1.service", "log@1.service"])
def test_what_does_not_come_up_stays_and_its_move_is_withdrawn(
    fleetctl: Fleetctl, uneven: SmallCluster, name: str
) -> None:
    uneven.behaviour[name] = [uneven.state(name, "failed", "failed")]
    assert fleetctl("rebalance") == Exit.FAILED
    failed = fleetctl.machines.explained["web@1.service"]
    assert "it failed on 9d04e6a1.../10.0.0.12" in failed.reason and failed.machine == DB.id
    assert not uneven.view().moves
    assert WEB.id in uneven.view().assigned(name)


def test_the_time_limit_ends_the_wait_and_not_the_move(
    fleetctl: Fleetctl, uneven: SmallCluster
) -> None:
    uneven.behaviour["web@1.service"] = [uneven.state("web@1.service", "activating", "start")]
    for _ in ("first", "again, with nothing new to move"):
        with pytest.raises(TimedOutError):
            fleetctl("rebalance", "--timeout", "0.05")
        assert uneven.view().moves == {"web@1.service": Move(WEB.id, DB.id)}


def test_a_move_that_the_leader_gave_up_has_failed(uneven: SmallCluster) -> None:
    passage = RebalanceProgress(
        ["web@1.service", "log@1.service"], Move(WEB.id, DB.id), uneven.view()
    )
    outcome = passage.check(uneven.view())
    assert isinstance(outcome, Failed) and "it stays" in outcome.reason
