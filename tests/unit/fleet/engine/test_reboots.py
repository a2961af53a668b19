"""Turns of machines that reboot: who may, when, in which order, and what ends a series."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.reboot_queue import Moment, Step, open_requests
from fleet_cluster.fleet.engine.reboot_quorum import objection
from fleet_cluster.fleet.engine.reboot_turns import next_step
from fleet_cluster.fleet.engine.reboots import AGAIN_SECONDS, PATIENCE, Reboots, writes
from fleet_cluster.fleet.fleetctl.operations.machines.eligibility import cordoned, drained
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.reboots import (
    REBOOT_SECONDS,
    WINDOW,
    RebootLock,
    RebootPhase,
    RebootRequest,
)
from fleet_cluster.fleet.model.record import Record
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    MachineState,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.clusters import machine
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.units import SLEEPS

GLOBAL = SLEEPS + "[X-Fleet]\nGlobal=true\n"
TIMEOUT = 100.0
WELL: Mapping[str, str] = {f"10.0.0.{n}:2379": "" for n in (1, 2, 3)}


def member(number: int) -> MachineState:
    return replace(machine(number), boot="1st", etcd="3.6.16")


@dataclass
class World:
    """Three members of etcd and a worker, and a leader that sees to their reboots."""

    store: MemoryKV = field(default_factory=lambda: MemoryKV(lambda: 0.0))
    members: dict[str, str] = field(default_factory=lambda: dict(WELL))
    machines: list[MachineState] = field(
        default_factory=lambda: [*map(member, (1, 2, 3)), replace(machine(4), boot="1st")]
    )
    elapsed: float = 0.0
    settled: bool = True
    opening: str = ""

    def __post_init__(self) -> None:
        for one in self.machines:
            self.put(keys.machine_key(one.id), one)

    def put(self, key: str, record: Record) -> None:
        self.store.put(key, record.to_json())

    def ask(self, *numbers: int, series: str = "s", force: bool = False) -> None:
        for number in numbers:
            request = RebootRequest(series, f"machine-{number}", "an operator", 5.0, force, TIMEOUT)
            self.put(keys.reboot_key(self.id(number)), request)

    def id(self, number: int) -> str:
        return self.machines[number - 1].id

    @property
    def state(self) -> ClusterState:
        return ClusterState.of(self.store.read(keys.ROOT))

    @property
    def lock(self) -> RebootLock:
        lock = self.state.reboot_lock
        assert lock
        return lock

    def step(self) -> Step | str:
        moment = Moment(7.0, self.elapsed, self.members, self.settled, self.opening)
        step = next_step(self.state, moment)
        if isinstance(step, Step):
            assert self.store.commit(writes(step))
        return step

    def until(self, phase: str) -> None:
        for _ in range(9):
            if self.state.reboot_lock and self.lock.phase == phase:
                return
            assert isinstance(self.step(), Step)
        raise AssertionError(f"there is no phase {phase}")

    def boot(self, number: int, boot: str = "2nd", **more: str) -> None:
        booted = replace(self.machines[number - 1], boot=boot, **more)
        self.put(keys.machine_key(booted.id), booted)

    def go_down(self, number: int) -> None:
        self.store.remove(keys.machine_key(self.id(number)))

    def run(self, unit: str, number: int, text: str = SLEEPS, active: str = "active") -> None:
        sha = sha_of(text)
        self.store.put(keys.file_key(sha), text)
        self.put(keys.unit_key(unit), Unit(sha, DesiredState.LAUNCHED))
        where = self.id(number), unit
        self.put(keys.schedule_key(*where), Assignment(sha, DesiredState.LAUNCHED))
        self.put(keys.state_key(*where), UnitState("loaded", active, "running", sha))

    def leave(self, unit: str, number: int) -> None:
        where = self.id(number), unit
        self.store.remove(keys.schedule_key(*where), keys.state_key(*where))

    def mark(self, number: int) -> Eligibility | None:
        return self.state.eligibility.get(self.id(number))

    def outcome(self, number: int) -> str:
        return self.state.reboots[self.id(number)].outcome


def test_a_turn_from_its_beginning_to_its_end() -> None:
    world = World()
    world.run("web.service", 1)
    world.ask(1)
    world.step()
    assert world.lock.phase == RebootPhase.DRAINING and world.lock.by == "an operator"
    mark = world.mark(1)
    assert mark and mark.draining
    assert world.step() == "it is drained: web.service"
    world.leave("web.service", 1)
    world.step()
    assert world.lock.phase == RebootPhase.REBOOTING
    assert world.step() == "it has not gone down"
    world.go_down(1)
    assert world.step() == "it is away"
    world.boot(1)
    world.step()
    assert world.lock.phase == RebootPhase.RETURNING and world.mark(1)
    world.step()
    assert world.lock.phase == RebootPhase.FILLING and world.mark(1) is None
    world.step()
    assert world.state.reboot_lock is None
    assert world.outcome(1) == RebootRequest.DONE
    assert world.step() == ""


def test_the_next_turn_waits_until_the_units_that_are_to_be_there_are_up() -> None:
    world = World()
    world.run("nginx.service", 2, GLOBAL)
    world.leave("nginx.service", 2)
    world.ask(1, 2)
    world.until(RebootPhase.REBOOTING)
    world.boot(1)
    world.until(RebootPhase.FILLING)
    assert world.step() == "not up there: nginx.service"
    world.run("nginx.service", 1, GLOBAL, active="activating")
    assert world.step() == "not up there: nginx.service"
    world.run("nginx.service", 1, GLOBAL)
    world.settled = False
    assert world.step() == "units move"
    world.settled = True
    world.step()
    assert world.outcome(1) == RebootRequest.DONE and world.state.reboot_lock is None


def test_a_unit_that_was_not_up_before_is_not_waited_for() -> None:
    """One that fails everywhere would keep all machines from rebooting."""
    world = World()
    world.run("broken.service", 1, GLOBAL, active="failed")
    world.ask(1)
    world.until(RebootPhase.DRAINING)
    assert world.lock.down == {"broken.service": "failed"}
    world.leave("broken.service", 1)
    world.until(RebootPhase.REBOOTING)
    world.boot(1)
    world.until(RebootPhase.FILLING)
    world.run("broken.service", 1, GLOBAL, active="failed")
    world.step()
    assert world.outcome(1) == RebootRequest.DONE


@pytest.mark.parametrize(
    "before", [Eligibility(since=3.0), Eligibility(draining=True, since=3.0), None]
)
def test_an_operators_own_mark_stays(before: Eligibility | None) -> None:
    world = World()
    if before:
        world.put(keys.eligibility_key(world.id(1)), before)
    world.ask(1)
    world.until(RebootPhase.REBOOTING)
    mark = world.mark(1)
    assert mark and mark.draining
    world.boot(1)
    while world.step():
        pass
    assert world.mark(1) == before


@pytest.mark.parametrize("drains", [False, True])
def test_a_mark_that_an_operator_sets_meanwhile_stays(drains: bool) -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.REBOOTING)
    before = world.mark(1)
    said = drained(before, force=False, leaving=False) if drains else cordoned(before)
    world.put(keys.eligibility_key(world.id(1)), said)
    world.boot(1)
    while world.step():
        pass
    mark = world.mark(1)
    assert mark and mark.draining is drains and not mark.rebooting
    assert world.outcome(1) == RebootRequest.DONE


def test_what_an_operator_says_meanwhile_stands() -> None:
    world = World()
    world.run("web.service", 1)
    world.ask(1, 2)
    world.until(RebootPhase.DRAINING)
    world.store.remove(keys.eligibility_key(world.id(1)))
    world.step()
    assert "uncordon" in world.outcome(1) and world.state.reboot_lock is None
    world.step()
    assert world.outcome(2) == "not begun, because of machine-1"
    assert not world.state.eligibility


def test_a_worker_comes_before_members_and_then_the_lower_number() -> None:
    world = World()
    world.ask(3, 1, 4, 2)
    assert open_requests(world.state) == [world.id(n) for n in (4, 1, 2, 3)]


def test_a_machine_that_does_not_come_back_ends_the_series_and_keeps_the_lock() -> None:
    world = World()
    world.ask(1, 2)
    world.until(RebootPhase.REBOOTING)
    world.go_down(1)
    world.elapsed = TIMEOUT
    assert world.step() == "it is away"
    world.elapsed = TIMEOUT + 1
    world.step()
    assert world.lock.failure == world.outcome(1) == "not done within 100 s: it is away"
    world.step()
    assert world.outcome(2) == "not begun, because of machine-1"
    world.ask(3, series="another")
    assert world.step() == "it is away"
    assert world.mark(2) is None and world.mark(3) is None
    world.boot(1)
    for _ in ("it has booted", "it gets units again", "the lock is given on", "another's turn"):
        world.step()
    assert world.lock.machine == world.id(3), "once it is healthy, others may"
    assert world.outcome(1) == RebootRequest.DONE


def test_a_machine_that_was_removed_frees_the_lock() -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.REBOOTING)
    world.go_down(1)
    world.put(keys.eligibility_key(world.id(1)), Eligibility(draining=True, removed=True))
    world.step()
    assert world.state.reboot_lock is None and world.outcome(1) == "the machine was removed"
    removed = world.mark(1)
    assert removed and removed.removed


def test_a_machine_that_is_about_to_be_removed_is_not_rebooted_before() -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.DRAINING)
    world.put(keys.eligibility_key(world.id(1)), Eligibility(draining=True, removed=True))
    world.step()
    assert world.state.reboot_lock is None and "it is removed" in world.outcome(1)
    assert world.mark(1) == Eligibility(draining=True, removed=True)


@pytest.mark.parametrize("phase", ["", RebootPhase.DRAINING])
def test_while_another_machine_is_removed_none_reboots(phase: str) -> None:
    world = World()
    world.ask(1)
    if phase:
        world.until(phase)
    leaving = Eligibility(draining=True, removed=True)
    world.put(keys.eligibility_key(world.id(2)), leaving)
    assert world.step() == "another machine goes first: machine-2 is being removed"
    world.go_down(2)
    world.until(RebootPhase.REBOOTING)


@pytest.mark.parametrize("phase", ["", RebootPhase.DRAINING])
def test_while_units_leave_another_machine_none_reboots(phase: str) -> None:
    world = World()
    world.run("web.service", 2)
    world.ask(1)
    if phase:
        world.until(phase)
    world.put(keys.eligibility_key(world.id(2)), Eligibility(draining=True))
    assert world.step() == "another machine goes first: machine-2 is drained: web.service"
    world.leave("web.service", 2)
    world.until(RebootPhase.REBOOTING)


def test_a_drain_that_cannot_end_keeps_no_other_machine_from_rebooting() -> None:
    world = World()
    world.run("pinned.service", 2, SLEEPS + f"[X-Fleet]\nMachineID={world.id(2)}\n")
    world.put(keys.eligibility_key(world.id(2)), Eligibility(draining=True))
    world.ask(1)
    world.until(RebootPhase.REBOOTING)


def test_a_machine_that_comes_back_sick_gets_no_units() -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.REBOOTING)
    world.boot(1, trouble="Docker is down")
    world.step()
    assert world.step() == "it is sick: Docker is down"
    assert world.mark(1)
    world.boot(1)
    world.step()
    assert world.lock.phase == RebootPhase.FILLING


def test_etcds_member_has_to_be_well_before_the_machine_gets_units() -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.REBOOTING)
    world.boot(1)
    world.step()
    world.members["10.0.0.1:2379"] = "it does not answer"
    assert world.step() == "etcd is not well yet: 10.0.0.1:2379: it does not answer"
    assert world.lock.phase == RebootPhase.RETURNING


def test_a_unit_that_fits_nowhere_else_keeps_its_machine_up_unless_forced() -> None:
    pinned = SLEEPS + f"[X-Fleet]\nMachineID={World().id(1)}\n"
    for force in (False, True):
        world = World()
        world.run("pinned.service", 1, pinned)
        world.ask(1, force=force)
        world.until(RebootPhase.DRAINING)
        world.step()
        if force:
            assert world.lock.phase == RebootPhase.DRAINING
        else:
            assert "no other machine takes pinned.service" in world.outcome(1)
            assert world.state.reboot_lock is None and world.mark(1) is None


def test_a_drain_that_takes_too_long_is_ended() -> None:
    world = World()
    world.run("web.service", 1)
    world.ask(1)
    world.until(RebootPhase.DRAINING)
    world.elapsed = TIMEOUT + 1
    world.step()
    assert world.outcome(1) == "it was not rebooted: not drained within 100 s: web.service"
    assert world.state.reboot_lock is None and world.mark(1) is None


def test_a_member_that_is_missing_by_the_end_of_the_drain_ends_the_series() -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.DRAINING)
    world.members["10.0.0.3:2379"] = "it does not answer"
    world.step()
    assert world.state.reboot_lock is None and world.mark(1) is None
    assert "10.0.0.3:2379: it does not answer" in world.outcome(1)


def test_a_machine_that_is_lost_during_its_drain_is_not_told_to_reboot_when_it_is_back() -> None:
    world = World()
    world.run("web.service", 1)
    world.ask(1)
    world.until(RebootPhase.DRAINING)
    world.go_down(1)
    world.step()
    assert world.state.reboot_lock is None and "lost" in world.outcome(1)


def test_a_machine_that_cannot_be_told_is_not_drained() -> None:
    world = World()
    world.put(keys.machine_key(world.id(1)), replace(world.machines[0], boot="", version="1.0"))
    world.ask(1)
    world.step()
    assert world.outcome(1) == "its fleetd 1.0 cannot be told: pulumi up"
    assert not world.state.eligibility


def test_a_fleetd_that_cannot_be_told_any_more_ends_the_turn_before_the_reboot() -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.DRAINING)
    world.boot(1, "", version="1.0")
    world.step()
    assert world.outcome(1) == "it was not rebooted: its fleetd 1.0 cannot be told: pulumi up"
    assert world.state.reboot_lock is None and world.mark(1) is None


def test_a_fleetd_that_does_not_say_what_it_was_booted_as_has_not_rebooted() -> None:
    world = World()
    world.ask(1)
    world.until(RebootPhase.REBOOTING)
    world.boot(1, "", version="1.0")
    said = "its fleetd 1.0 does not say whether it has booted: pulumi up"
    assert world.step() == said and world.mark(1)
    world.elapsed = TIMEOUT + 1
    world.step()
    assert world.lock.failure == f"not done within 100 s: {said}"
    world.boot(1)
    world.until(RebootPhase.FILLING)


def test_a_phase_of_another_version_is_left_alone() -> None:
    world = World()
    world.put(keys.REBOOT_LOCK, RebootLock(world.id(1), "1st", "resting"))
    assert world.step() == "this fleetd knows no phase 'resting' of a reboot"


@given(
    size=st.integers(1, 7),
    faulty=st.sets(st.integers(1, 7)),
    number=st.integers(1, 9),
)
def test_no_machine_reboots_that_etcd_cannot_do_without(
    size: int, faulty: set[int], number: int
) -> None:
    members = {f"10.0.0.{n}:2379": "down" if n in faulty else "" for n in range(1, size + 1)}
    up = [n for n in range(1, size + 1) if n not in faulty and n != number]
    why = objection(machine(number), members)
    if not why:
        assert len(up) >= size // 2 + 1 or number > size
        assert not any(members.values()), "two members at once"
    elif not any(members.values()):
        assert number <= size <= 2, why


@given(st.data())
def test_never_two_machines_at_once_and_always_in_the_same_order(data: st.DataObject) -> None:
    """Machines go down and come back, members are ill and well, whenever they like."""
    world = World()
    world.ask(1, 2, 3, 4)
    told: list[str] = []
    down: set[int] = set()
    for _ in range(data.draw(st.integers(1, 40))):
        world.step()
        lock = world.state.reboot_lock
        draining = {on for on, mark in world.state.eligibility.items() if mark.draining}
        assert draining <= ({lock.machine} if lock else set())
        if lock and lock.phase == RebootPhase.REBOOTING and lock.machine not in told:
            assert not any(world.members.values())
            assert not down, "another machine is away"
            told.append(lock.machine)
        number = data.draw(st.integers(1, 4))
        mine = lock is not None and lock.machine == world.id(number) and lock.machine in told
        if mine and number not in down:
            world.go_down(number)
            down.add(number)
            world.members[f"10.0.0.{number}:2379"] = "down"
        elif number in down:
            world.boot(number)
            down.discard(number)
            world.members[f"10.0.0.{number}:2379"] = ""
    expected = [world.id(n) for n in (4, 1, 2, 3)]
    assert told == expected[: len(told)]


def required(*numbers: int) -> World:
    """Machines whose operating systems ask for a reboot, while the window is open."""
    world = World(opening="Sunday")
    for number in numbers:
        one = replace(world.machines[number - 1], reboot_required=True)
        world.put(keys.machine_key(one.id), one)
    return world


def reboot_all(world: World) -> list[str]:
    """Until nothing is to be done: which machines reboot, and come back."""
    told: list[str] = []
    for _ in range(60):
        step, lock = world.step(), world.state.reboot_lock
        if lock and lock.phase == RebootPhase.REBOOTING:
            told.append(world.state.machines[lock.machine].hostname)
            number = int(told[-1].rpartition("-")[2])
            world.boot(number, f"after {lock.boot}")
        elif step == "":
            return told
    raise AssertionError(told)


def test_in_the_window_those_reboot_that_ask_for_it_one_after_the_other() -> None:
    world = required(3, 1)
    assert reboot_all(world) == ["machine-1", "machine-3"]
    request = world.state.reboots[world.id(1)]
    assert (request.by, request.series) == ("the reboot window", f"{WINDOW}Sunday")


def test_while_it_is_closed_none_does() -> None:
    world = required(1, 2)
    world.opening = ""
    assert reboot_all(world) == []


def test_one_that_asks_again_after_its_reboot_waits_for_the_next_window() -> None:
    world = required(1)
    assert reboot_all(world) == ["machine-1"]
    again = replace(world.machines[0], boot="after 1st", reboot_required=True)
    world.put(keys.machine_key(again.id), again)
    assert reboot_all(world) == []
    world.opening = "Monday"
    assert reboot_all(world) == ["machine-1"]


def test_one_that_does_not_come_back_ends_the_window_for_all() -> None:
    world = required(1, 2)
    world.until(RebootPhase.REBOOTING)
    world.go_down(1)
    world.elapsed = REBOOT_SECONDS + 1
    world.step()
    assert world.lock.failure
    world.elapsed = 0.0
    world.members["10.0.0.1:2379"] = "down"
    assert world.step() == "it is away"
    world.store.remove(keys.REBOOT_LOCK)
    assert world.step() == "" and set(world.state.reboots) == {world.id(1)}


def test_one_that_cannot_be_emptied_keeps_no_other_from_its_window() -> None:
    world = required(1, 2, 3)
    world.run("pinned.service", 1, SLEEPS + f"[X-Fleet]\nMachineID={world.id(1)}\n")
    assert reboot_all(world) == ["machine-2", "machine-3"]
    assert "no other machine takes pinned.service" in world.outcome(1)
    world.opening = "Monday"
    world.leave("pinned.service", 1)
    assert reboot_all(world)[0] == "machine-1", "it is asked again in the next window"
    assert not world.state.reboots[world.id(1)].passed_over


def test_one_whose_units_leave_too_late_keeps_no_other_from_its_window() -> None:
    world = required(1, 2)
    world.run("web.service", 1)
    world.until(RebootPhase.DRAINING)
    world.elapsed = REBOOT_SECONDS + 1
    world.step()
    assert "web.service" in world.outcome(1)
    world.elapsed = 0.0
    assert reboot_all(world) == ["machine-2"]


def test_a_member_that_is_not_well_ends_the_window_for_all() -> None:
    world = required(1, 2)
    world.until(RebootPhase.DRAINING)
    world.members["10.0.0.3:2379"] = "it does not answer"
    world.step()
    world.members["10.0.0.3:2379"] = ""
    assert reboot_all(world) == []


def test_what_has_not_begun_when_it_closes_does_not_begin() -> None:
    world = required(1)
    world.step()
    world.opening = ""
    world.step()
    assert world.outcome(1) == "the window has closed" and not world.state.eligibility


def test_who_asks_during_a_windows_turn_gets_what_comes_of_it() -> None:
    world = required(1)
    world.until(RebootPhase.DRAINING)
    world.ask(1, 2)
    world.opening = ""
    assert reboot_all(world) == ["machine-1", "machine-2"]
    assert [world.outcome(n) for n in (1, 2)] == [RebootRequest.DONE] * 2


def test_what_an_operator_asks_for_needs_no_window() -> None:
    world = World()
    world.ask(2)
    world.step()
    assert world.lock.machine == world.id(2)


class Leader:
    """What sees to reboots in a leader, and members that are asked by hand."""

    def __init__(self) -> None:
        self.clock, self.world = FakeClock(), World()
        self.looked_at = float("-inf")
        self.asked: list[float] = []
        self.reboots = Reboots(self.clock, lambda: 7.0, self.ask)

    def ask(self, since: float) -> Mapping[str, str] | None:
        self.asked.append(since)
        return self.world.members if self.looked_at >= since else None

    def step(self) -> Step | None:
        step = self.reboots.next_step(self.world.state, settled=True)
        if step:
            self.world.store.commit(writes(step))
        return step


def test_members_are_asked_anew_before_each_reboot() -> None:
    one = Leader()
    one.world.ask(1)
    assert one.step() is None
    one.looked_at = one.clock()
    assert one.step()
    assert one.world.lock.phase == RebootPhase.DRAINING
    one.clock.advance(5)
    assert one.step() is None, "what they said before the drain is old"
    one.looked_at = one.clock()
    assert one.step()
    assert one.world.lock.phase == RebootPhase.REBOOTING


def test_what_members_said_when_a_long_drain_began_is_old_at_its_end() -> None:
    one = Leader()
    one.world.run("web.service", 1)
    one.world.ask(1)
    one.looked_at = one.clock()
    assert one.step()
    one.looked_at = one.clock()
    assert one.step() is None
    one.clock.advance(20)
    one.world.members["10.0.0.2:2379"] = "it does not answer"
    one.clock.advance(30)
    one.world.leave("web.service", 1)
    one.world.members, now = dict(WELL), one.world.members
    assert one.step() is None, "they are asked again"
    one.world.members, one.looked_at = now, one.clock()
    assert one.step()
    assert one.world.state.reboot_lock is None
    assert "10.0.0.2:2379: it does not answer" in one.world.outcome(1)


def test_a_look_that_takes_longer_than_its_answer_stays_young_is_used() -> None:
    one = Leader()
    one.world.ask(1)
    for phase in (RebootPhase.DRAINING, RebootPhase.REBOOTING):
        assert one.step() is None
        began_at = one.clock()
        one.clock.advance(3 * AGAIN_SECONDS)
        one.looked_at = began_at
        assert one.step()
        assert one.world.lock.phase == phase


def test_a_loop_that_comes_late_to_an_answer_asks_again() -> None:
    one = Leader()
    one.world.ask(1)
    assert one.step() is None
    one.looked_at = one.clock()
    one.clock.advance(60)
    assert one.step() is None
    one.looked_at = one.clock()
    assert one.step()


def test_an_election_of_etcd_ends_no_series() -> None:
    one = Leader()
    one.world.ask(1)
    one.world.members["10.0.0.2:2379"] = "no leader"
    one.looked_at = one.clock() + 1000
    for _ in range(int(PATIENCE)):
        assert one.step() is None
        one.clock.advance(1)
    assert one.step()
    assert "10.0.0.2:2379: no leader" in one.world.outcome(1)
    assert max(one.asked) > 1000, "they were asked again meanwhile"


def test_the_window_is_the_machines_setting_in_universal_time() -> None:
    one = Leader()
    asks = replace(one.world.machines[0], reboot_required=True)
    one.world.put(keys.machine_key(asks.id), asks)
    assert one.step() is None, "no window is set"
    one.reboots = Reboots(one.clock, lambda: 7.0, one.ask, "Sun 02:00-04:00")
    assert one.step() is None and not one.asked, "members are left alone until it opens"
    sunday = datetime(2026, 11, 29, 3, tzinfo=UTC).timestamp()
    one.reboots = Reboots(one.clock, lambda: sunday, one.ask, "Sun 02:00-04:00")
    assert one.step()
    assert one.world.state.reboots[asks.id].series == f"{WINDOW}2026-11-29 02:00"


def test_a_new_leader_gives_a_machine_its_time_again() -> None:
    one = Leader()
    lock = RebootLock(one.world.id(1), "1st", RebootPhase.REBOOTING, timeout=TIMEOUT)
    one.world.put(keys.REBOOT_LOCK, lock)
    one.clock.advance(1e6)
    assert one.step() is None
    one.clock.advance(TIMEOUT + 1)
    assert one.step()
    assert "not done within" in one.world.lock.failure


def test_each_record_is_written_once_in_a_step() -> None:
    world = World()
    world.ask(1)
    step = world.step()
    assert isinstance(step, Step)
    written = [one.key for one in writes(step) if isinstance(one, Put)]
    assert len(written) == len(set(written)) and not set(step.seen) & set(written)
