"""`fleetctl list-units --watch`: each row once, then what changes of it."""

import json
from collections.abc import Callable

import pytest
import yaml

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.model import keys
from tests.unit.fleet.fleetctl.small_cluster import DB, SLEEP, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]
Steps = list[Callable[[], object]]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """What happens while it waits, one after the other; then Ctrl-C."""
    steps: Steps = []

    def wait(watcher: Watcher, _seconds: float) -> None:
        if not steps:
            raise KeyboardInterrupt
        steps.pop(0)()
        watcher.refresh()

    monkeypatch.setattr(Watcher, "wait", wait)
    return steps


def watch(fleetctl: Fleetctl, capsys: Output, *words: str) -> list[str]:
    with pytest.raises(KeyboardInterrupt):
        fleetctl("list-units", "--watch", *words)
    return capsys.readouterr().out.splitlines()


def test_rows_come_when_they_change(
    fleetctl: Fleetctl, cluster: SmallCluster, steps: Steps, capsys: Output
) -> None:
    cluster.add("web@1.service")
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    steps += [
        lambda: None,
        lambda: cluster.report("db.service", cluster.state("db.service", "failed", "failed")),
        lambda: cluster.add("web@2.service"),
        lambda: cluster.store.remove(keys.unit_key("db.service")),
    ]
    printed = [line.split() for line in watch(fleetctl, capsys)]
    machines = "3f2a91bc.../10.0.0.11", "9d04e6a1.../10.0.0.12"
    assert printed[:3] == [
        ["UNIT", "MACHINE", "ACTIVE", "SUB"],
        ["db.service", machines[1], "active", "running"],
        ["web@1.service", machines[0], "active", "running"],
    ]
    later = [line for line in printed[3:] if line[0] != "web@2.service"]
    assert later == [
        ["db.service", machines[1], "failed", "failed"],
        ["db.service", machines[1], "gone", "-"],
    ]
    assert ["web@2.service", "active"] in [[line[0], line[2]] for line in printed[3:-1]]


def test_columns_line_up_with_the_first_ones(
    fleetctl: Fleetctl, cluster: SmallCluster, steps: Steps, capsys: Output
) -> None:
    cluster.add("a-long-name-of-a-unit.service")
    cluster.add("b.service")
    steps += [lambda: cluster.report("b.service", cluster.state("b.service", "failed", "failed"))]
    lines = [line.expandtabs(8) for line in watch(fleetctl, capsys)]
    assert len({line.index(word) for line in lines for word in line.split()[2:3]}) == 1


def test_a_unit_that_is_named_may_go_and_the_others_are_not_shown(
    fleetctl: Fleetctl, cluster: SmallCluster, steps: Steps, capsys: Output
) -> None:
    cluster.add("web.service")
    cluster.add("db.service", SLEEP + "[X-Fleet]\nMachineMetadata=role=db\n")
    with pytest.raises(CtlError, match="did you mean web.service"):
        fleetctl("list-units", "--watch", "wbe")
    steps += [lambda: cluster.leave(DB), lambda: cluster.store.remove(keys.unit_key("web.service"))]
    printed = watch(fleetctl, capsys, "web", "--no-legend", "--output", "name")
    assert set(printed) == {"web.service"}


def test_yaml_is_a_document_a_row(
    fleetctl: Fleetctl, cluster: SmallCluster, steps: Steps, capsys: Output
) -> None:
    cluster.add("web.service")
    steps += [lambda: cluster.report("web.service", cluster.state("web.service", "failed", "x"))]
    printed = "\n".join(watch(fleetctl, capsys, "--output", "yaml"))
    found = list(yaml.safe_load_all(printed))
    assert [(row["unit"], row["active"]) for row in found] == [
        ("web.service", "active"),
        ("web.service", "failed"),
    ]


def test_json_is_an_object_a_line(
    fleetctl: Fleetctl, cluster: SmallCluster, steps: Steps, capsys: Output
) -> None:
    cluster.add("web.service")
    steps += [lambda: cluster.report("web.service", cluster.state("web.service", "failed", "x"))]
    found = [json.loads(line) for line in watch(fleetctl, capsys, "--output", "json")]
    assert [(row["unit"], row["active"]) for row in found] == [
        ("web.service", "active"),
        ("web.service", "failed"),
    ]
