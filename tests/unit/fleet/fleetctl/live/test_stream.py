"""`fleetctl stream`: what a machine says of the cluster."""

from collections.abc import Callable

import pytest

from fleet_cluster.fleet.fleetctl.live import stream as module
from fleet_cluster.fleet.fleetctl.live.changes import Change
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model import keys
from tests.unit.fleet.fleetctl.small_cluster import WEB, Fleetctl, SmallCluster

Output = pytest.CaptureFixture[str]
Steps = list[Callable[[], object]]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """What happens while it waits, one after the other; then Ctrl-C."""
    steps: Steps = []

    def wait(watcher: Watcher, seconds: float) -> None:
        if seconds == 0:
            return
        if not steps:
            raise KeyboardInterrupt
        steps.pop(0)()
        if not watcher.lost:
            watcher.refresh()

    monkeypatch.setattr(Watcher, "wait", wait)
    monkeypatch.setattr(module, "sleep", lambda _seconds: None)  # pyright: ignore[reportUnknownLambdaType,reportUnknownArgumentType]
    return steps


def streamed(fleetctl: Fleetctl, capsys: Output) -> tuple[list[Change], str]:
    with pytest.raises(KeyboardInterrupt):
        fleetctl("stream")
    output = capsys.readouterr()
    return [Change.from_json(line) for line in output.out.splitlines()], output.err


def test_all_comes_first_then_what_changes_of_it(
    fleetctl: Fleetctl, cluster: SmallCluster, steps: Steps, capsys: Output
) -> None:
    cluster.add("web.service")
    steps += [
        lambda: None,
        lambda: cluster.report("web.service", cluster.state("web.service", "failed", "failed")),
        lambda: cluster.store.commit([Put(keys.ROOT + "claims/x", "{}")]),
        lambda: cluster.store.remove(keys.unit_key("web.service")),
    ]
    (first, failed, gone), _ = streamed(fleetctl, capsys)
    place = ("web.service", WEB.id)
    assert first.is_whole and set(first.units) == {place} and len(first.machines) == 2
    row = failed.units[place]
    assert row and row.active == "failed" and not failed.is_whole and not failed.machines
    assert gone.units == {place: None} and set(gone.machines) == {WEB.id}


def test_a_bad_record_is_told_once_and_does_not_stop_it(
    fleetctl: Fleetctl, cluster: SmallCluster, steps: Steps, capsys: Output
) -> None:
    cluster.add("web.service")
    steps += [
        lambda: cluster.store.commit([Put(keys.unit_key("bad.service"), "{")]),
        lambda: cluster.report("web.service", cluster.state("web.service", "failed", "failed")),
    ]
    found, said = streamed(fleetctl, capsys)
    assert len(found) == 2 and set(found[1].units) == {("web.service", WEB.id)}
    assert said.count("/fleet/units/bad.service cannot be used") == 1


def test_etcd_that_does_not_answer_is_told_and_so_is_its_return(
    fleetctl: Fleetctl,
    cluster: SmallCluster,
    steps: Steps,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = [False]
    monkeypatch.setattr(Watcher, "lost", property(lambda _watcher: lost[0]))
    steps += [
        lambda: lost.__setitem__(0, True),
        lambda: None,
        lambda: lost.__setitem__(0, False),
    ]
    found, _ = streamed(fleetctl, capsys)
    assert [one.lost for one in found] == [False, True, False]
