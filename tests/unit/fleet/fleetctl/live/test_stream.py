"""`fleetctl stream`: what a machine says of the cluster."""

from collections.abc import Callable

import pytest

from fleet_cluster.fleet.fleetctl.live import stream as module
from fleet_cluster.fleet.fleetctl.live.changes import Change
from fleet_cluster.fleet.fleetctl.live.stream import LEASE_SECONDS, lease_ages
from fleet_cluster.fleet.fleetctl.state.watcher import Watcher
from fleet_cluster.fleet.kv import KVForbiddenError, KVUnavailableError, Put
from fleet_cluster.fleet.model import keys
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV
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
    monkeypatch.setattr(module, "monotonic", lambda: 0.0)
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


def test_how_old_leases_are_is_told_while_somebody_listens(
    fleetctl: Fleetctl,
    cluster: SmallCluster,
    steps: Steps,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    lease = cluster.store.grant(10)
    entry = cluster.store.get([keys.machine_key(WEB.id)]).entries[keys.machine_key(WEB.id)]
    cluster.store.commit([Put(entry.key, entry.value, lease)])
    steps += [
        lambda: now.__setitem__(0, LEASE_SECONDS / 2),
        lambda: now.__setitem__(0, LEASE_SECONDS),
        lambda: cluster.store.leases.pop(lease),
        lambda: now.__setitem__(0, 2 * LEASE_SECONDS),
    ]
    found, _ = streamed(fleetctl, capsys)
    assert [one.every for one in found] == [LEASE_SECONDS, *[0.0] * (len(found) - 1)]
    assert [one.leases for one in found if one.leases] == [{WEB.id: 0}, {WEB.id: 0}]
    assert not any(one.machines or one.units for one in found if one.leases)


@pytest.mark.parametrize("is_lost", [False, True])
def test_where_nothing_changes_and_no_lease_may_be_asked_for_a_line_is_written_all_the_same(
    fleetctl: Fleetctl, steps: Steps, capsys: Output, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    now, lost = [0.0], [False]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    monkeypatch.setattr(Watcher, "lost", property(lambda _watcher: lost[0]))
    steps += [
        lambda: lost.__setitem__(0, is_lost),
        lambda: now.__setitem__(0, LEASE_SECONDS / 2),
        lambda: now.__setitem__(0, LEASE_SECONDS),
        lambda: now.__setitem__(0, LEASE_SECONDS + 1),
        lambda: now.__setitem__(0, 2 * LEASE_SECONDS),
    ]
    found, _ = streamed(fleetctl, capsys)
    others = found[1 + is_lost :]
    assert [(one.is_whole, one.lost, one.machines, one.units) for one in others] == [
        (False, is_lost, {}, {})
    ] * 2


class Refusing(MemoryKV):
    """A store that does not tell of some leases, and then does not answer."""

    def lease_age(self, lease: int) -> int:
        if lease == 1:
            raise KVForbiddenError("permission denied")
        if lease == 4:
            raise KVUnavailableError("no member answered")
        return super().lease_age(lease)


def test_what_etcd_does_not_tell_of_leases_is_left_out() -> None:
    clock = FakeClock()
    store = Refusing(clock)
    leases = {f"m{number}": store.grant(10) for number in range(1, 6)}
    store.revoke(3)
    clock.advance(3.5)
    assert lease_ages(store, leases) == {"m2": 4}, "rounded up"
