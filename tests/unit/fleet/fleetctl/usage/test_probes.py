"""Probes of machines, with programs in the place of ssh."""

import sys
from collections.abc import Iterator
from queue import Empty, Queue
from threading import Event, Lock

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.live import silence
from fleet_cluster.fleet.fleetctl.operations.context import no_kv
from fleet_cluster.fleet.fleetctl.remote.access import FromMachine, FromOutside
from fleet_cluster.fleet.fleetctl.remote.ssh import SshHost, SshOptions
from fleet_cluster.fleet.fleetctl.remote.tunnel import Tunnel
from fleet_cluster.fleet.fleetctl.usage import probes as module
from fleet_cluster.fleet.fleetctl.usage.probes import (
    CONNECTING,
    Measured,
    Probes,
    Target,
    Unmeasured,
    calls_of,
)
from fleet_cluster.fleet.fleetctl.usage.sample import MachineUsage, Sample

SAMPLE = Sample(MachineUsage(250, 1 << 30), {}, is_whole=True)
TELL = f"import os, sys; sys.stdin.readline(); print({SAMPLE.to_json()!r}, flush=True); "
STAY = TELL + "sys.stdin.read()"
M1, M2 = (Target(f"{number}" * 32, f"machine-{number}", f"10.0.0.{number}") for number in (1, 2))


class Rig:
    """Probes of machines whose calls run these programs, attempt by attempt."""

    def __init__(self) -> None:
        self.programs: dict[str, list[str]] = {}
        self.attempts: list[tuple[str, int]] = []
        self.told: Queue[Measured | Unmeasured] = Queue()
        self.probes = Probes(self._call, self.told.put)
        self._lock = Lock()

    def _call(self, target: Target, attempt: int) -> list[str]:
        with self._lock:
            self.attempts.append((target.name, attempt))
        programs = self.programs[target.id]
        return [sys.executable, "-c", programs[min(attempt, len(programs) - 1)]]

    def next(self) -> Measured | Unmeasured:
        return self.told.get(timeout=60)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    rig = Rig()
    yield rig
    rig.probes.close()


def test_each_machine_says_what_is_used_there(rig: Rig) -> None:
    rig.programs = {M1.id: [STAY], M2.id: [STAY]}
    rig.probes.ask([M1, M2])
    told = {one.machine: one for one in (rig.next(), rig.next())}
    assert told == {M1.id: Measured(M1.id, SAMPLE), M2.id: Measured(M2.id, SAMPLE)}


def test_a_machine_that_is_down_holds_nobody_up_and_is_tried_again(rig: Rig) -> None:
    rig.programs = {M1.id: ["raise SystemExit('No route to host')", STAY], M2.id: [STAY]}
    rig.probes.ask([M1, M2])
    told = [rig.next() for _ in range(3)]
    assert told.index(Unmeasured(M1.id)) < told.index(Measured(M1.id, SAMPLE))
    assert Measured(M2.id, SAMPLE) in told
    assert ("machine-1", 0) in rig.attempts and ("machine-1", 1) in rig.attempts


def test_a_connection_that_ends_is_told(rig: Rig) -> None:
    rig.programs = {M1.id: [TELL + "sys.exit(2)", STAY]}
    rig.probes.ask([M1])
    assert [rig.next() for _ in range(3)] == [
        Measured(M1.id, SAMPLE),
        Unmeasured(M1.id, is_older=False),
        Measured(M1.id, SAMPLE),
    ]


def test_a_fleetctl_that_does_not_know_the_question_is_told_apart(rig: Rig) -> None:
    rig.programs = {M1.id: ["import sys; sys.exit(2)", STAY]}
    rig.probes.ask([M1])
    assert rig.next() == Unmeasured(M1.id, is_older=True)
    assert rig.next() == Measured(M1.id, SAMPLE)


def test_a_machine_that_says_nothing_keeps_its_place_for_a_while_only(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.programs = {M1.id: ["import sys; sys.stdin.read()", STAY]}
    with monkeypatch.context() as patch:
        patch.setattr(silence, "BEGIN_SECONDS", 0.5)
        rig.probes.ask([M1])
        assert rig.next() == Unmeasured(M1.id)
    while (one := rig.next()) != Measured(M1.id, SAMPLE):
        assert one == Unmeasured(M1.id), "it was begun while little time was given"


def test_what_cannot_be_used_is_not_taken(rig: Rig) -> None:
    rig.programs = {M1.id: ["print('Welcome!', flush=True); input(); input()", STAY]}
    rig.probes.ask([M1])
    assert rig.next() == Unmeasured(M1.id)
    assert rig.next() == Measured(M1.id, SAMPLE)


def test_who_is_not_looked_at_any_more_is_not_asked_any_more(rig: Rig) -> None:
    rig.programs = {M1.id: [STAY], M2.id: [STAY]}
    rig.probes.ask([M1])
    assert rig.next() == Measured(M1.id, SAMPLE)
    rig.probes.ask([M2])
    told = [rig.next(), rig.next()]
    assert Unmeasured(M1.id) in told and Measured(M2.id, SAMPLE) in told


def test_no_more_than_a_few_connect_at_a_time(rig: Rig) -> None:
    targets = [
        Target(f"{number:032x}", f"m{number}", "10.0.0.1") for number in range(CONNECTING + 3)
    ]
    silent = "import sys; sys.stdin.read()"
    rig.programs = {one.id: [silent] for one in targets}
    begun = Event()
    rig.probes = Probes(lambda one, attempt: _noted(rig, one, attempt, begun), rig.told.put)
    rig.probes.ask(targets)
    assert begun.wait(60)
    with pytest.raises(Empty):
        rig.told.get(timeout=0.2)
    assert len(rig.attempts) == CONNECTING


def _noted(rig: Rig, one: Target, attempt: int, begun: Event) -> list[str]:
    rig.attempts.append((one.name, attempt))
    if len(rig.attempts) == CONNECTING:
        begun.set()
    return [sys.executable, "-c", rig.programs[one.id][0]]


def test_the_calls_ask_nothing_go_through_one_connection_and_then_another_machine() -> None:
    tunnel = Tunnel(SshHost("machine-7"), SshOptions(config="/dev/null"), [SshHost("machine-8")])
    call = calls_of(FromOutside(tunnel, ["--endpoint=e:1"]), "/tmp/fleetctl-x")
    first, second = call(M1, 0), call(M1, 1)
    assert first[-3:] == ["--", "10.0.0.1", "fleetctl --carried usage"]
    assert "BatchMode=yes" in first and "-T" in first
    (way,) = (word for word in first if word.startswith("ProxyCommand="))
    assert way.endswith("-W '[%h]:%p' -- machine-7")
    assert "-o ControlMaster=auto -o ControlPath=/tmp/fleetctl-x/%%C" in way
    assert any("-- machine-8" in word for word in second)
    own = Target(M1.id, "machine-7", "10.0.0.7")
    assert not any("Proxy" in word for word in call(own, 0))


def test_a_machine_that_ssh_cannot_be_called_with_is_not_asked() -> None:
    tunnel = Tunnel(SshHost("machine-7"), SshOptions(config="/dev/null"))
    call = calls_of(FromOutside(tunnel, []), "/tmp/fleetctl-x")
    for odd in (
        Target(M1.id, "-oProxyCommand=x", "10.0.0.1"),
        Target(M1.id, "machine-1", "-oProxyCommand=x"),
    ):
        with pytest.raises(CtlError, match="ssh cannot be called with"):
            call(odd, 0)


def test_on_a_machine_others_are_not_reached_without_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(CtlError, match="no key"):
        calls_of(FromMachine(no_kv, SshOptions()), "/tmp/fleetctl-x")(M1, 0)
