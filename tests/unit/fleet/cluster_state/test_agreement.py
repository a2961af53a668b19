"""The leader, `fleetctl plan` and `fleetctl why` agree on where units are and are to be."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_cluster.fleet.cluster_state.placement import is_to_run
from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.engine.reconciler import Decision, decide
from fleet_cluster.fleet.fleetctl.commands.inspect.why import verdicts
from fleet_cluster.fleet.fleetctl.state.plan import PlannedChange, cluster_plan
from fleet_cluster.fleet.fleetctl.state.planned_step import PlannedAction
from fleet_cluster.fleet.fleetctl.state.unplaced import unplaced_reasons
from fleet_cluster.fleet.kv import KeyValue, Snapshot
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    Move,
    Unit,
    UnitState,
)
from tests.unit.fleet.cluster_states import Situation, entries, state_of
from tests.unit.fleet.fakes.units import ENDS, SLEEPS

UNITS = ["a.service", "b.service", "w@1.service", "w@2.service"]
MACHINES = ["a", "b", "c"]
OPTIONS = [
    "",
    "StartFirst=true\n",
    "StartFirst=true\nMachineOf=a.service\n",
    "MachineOf=a.service\n",
    "MachineMetadata=name=a\n",
    "Conflicts=w@*.service\n",
    "Replaces=b.service\n",
    "Global=true\n",
]

_machine = st.sampled_from(MACHINES)
_file = st.sampled_from(["new", "new", "new", "old"])
_text = st.one_of(
    st.sampled_from(OPTIONS).map(lambda options: f"{SLEEPS}[X-Fleet]\n{options}"), st.just(ENDS)
)
_unit = st.builds(Unit, st.just("new"), st.sampled_from([*DesiredState, DesiredState.LAUNCHED]))
_assignment = st.builds(
    Assignment,
    _file,
    st.sampled_from([*DesiredState, DesiredState.LAUNCHED]),
    destination=st.sampled_from(["", "", *MACHINES]),
    completed=st.booleans(),
)
_state = st.builds(
    UnitState,
    st.just("loaded"),
    st.sampled_from(["active", "active", "activating", "inactive", "failed"]),
    st.just("any"),
    _file,
    since=st.sampled_from([0.0, 8.0]),
    orphan=st.booleans(),
    start_requested_at=st.sampled_from([0.0, 7.0]),
)
_place = st.tuples(_machine, st.sampled_from(UNITS))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any records of up to four units on up to three machines; many contradict each other."""
    names = draw(st.lists(st.sampled_from(UNITS), unique=True, min_size=1))
    texts = {name: draw(_text) for name in names}
    return Situation(
        texts={name: text for name, text in texts.items() if not ("w@" in name and "@*" in text)},
        units={name: draw(_unit) for name in names},
        machines=" ".join(draw(st.lists(_machine, unique=True, min_size=1))),
        schedule=draw(st.dictionaries(_place, _assignment, max_size=6)),
        states=draw(st.dictionaries(_place, _state, max_size=6)),
        eligibility=draw(
            st.dictionaries(_machine, st.builds(Eligibility, draining=st.booleans()), max_size=1)
        ),
        moves=draw(
            st.dictionaries(st.sampled_from(names), st.builds(Move, _machine, _machine), max_size=1)
        ),
    )


@st.composite
def cancelled_drains(draw: st.DrawFn) -> Situation:
    """A unit is on its way from a to b, and nothing asks for that any more."""
    there = draw(st.sampled_from(["activating", "failed", "inactive"]))
    run = Assignment("new", DesiredState.LAUNCHED)
    up = UnitState("loaded", "active", "running", "new")
    return Situation(
        texts={"a.service": f"{SLEEPS}[X-Fleet]\nStartFirst=true\n"},
        machines=draw(st.sampled_from(["a b", "a b c"])),
        schedule={
            ("a", "a.service"): Assignment("new", DesiredState.LAUNCHED, destination="b"),
            ("b", "a.service"): run,
        },
        states={
            ("a", "a.service"): up,
            ("b", "a.service"): UnitState("loaded", there, "any", "new"),
        },
    )


def grown(records: Mapping[str, KeyValue], order: st.DataObject) -> ClusterState:
    """A state as the leader has it: fed in any order, a few keys at a time, some twice."""
    state, known = ClusterState(), dict[str, KeyValue]()
    for key in order.draw(st.permutations(sorted(records))):
        known[key] = records[key]
        state.update([key], known)
        if order.draw(st.booleans()):
            state.plan()
    return state


def assigned_to(decision: Decision, unit: str) -> set[str]:
    changes = [(one.machine, one.assignment) for one in decision.changes if one.unit == unit]
    return {machine for machine, one in changes if one and is_to_run(one)}


def stopped_on(decision: Decision, unit: str) -> set[str]:
    changes = [(one.machine, one.assignment) for one in decision.changes if one.unit == unit]
    return {machine for machine, one in changes if one and not is_to_run(one)}


@settings(max_examples=max(300, settings.get_profile("any-pace").max_examples))
@given(situation=st.one_of(situations(), cancelled_drains()), order=st.data())
def test_the_leader_and_fleetctl_agree(situation: Situation, order: st.DataObject) -> None:
    records = entries(situation.records())
    seen, leaders = ClusterState.of(Snapshot(1, records)), grown(records, order)
    plan, decision = seen.plan(), decide(leaders)
    assert plan == leaders.plan()
    assert seen.placements() == leaders.placements()
    shown = cluster_plan(PlannedChange({}, {}), seen)
    for unit in seen.wanted:
        if seen.has_completed(unit) or seen.is_global(unit):
            continue
        told = verdicts(unit, seen)
        is_unplaced = unplaced_reasons(unit, seen) is not None
        if unit in plan.unplaced:
            assert not assigned_to(decision, unit), "the leader gives it to none"
            assert not any(told[on] == "it fits" for on in told), "why knows of none"
            assert is_unplaced
            continue
        home = plan.placements[unit]
        assert told[home] in ("it is here", "it fits")
        assert not is_unplaced
        if home == seen.current(unit):
            assert home not in stopped_on(decision, unit), "the leader leaves it where it is"
            assert assigned_to(decision, unit) <= {home, *seen.assigned(unit)}
        steps = [step for step in shown.steps if step.unit == unit]
        moves = [step for step in steps if step.action is PlannedAction.MOVE]
        assert all(step.destination == home for step in moves), "plan tells the same place"


@given(situation=cancelled_drains())
def test_they_agree_that_a_cancelled_drain_leaves_a_unit_where_it_is(situation: Situation) -> None:
    seen, unit = state_of(situation.records()), "a.service"
    decision = decide(seen)
    assert assigned_to(decision, unit) == {"a"} and stopped_on(decision, unit) == {"b"}
    assert seen.plan().placements == seen.placements() == {unit: "a"}
    assert cluster_plan(PlannedChange({}, {}), seen).steps == []
    assert verdicts(unit, seen)["a"] == "it is here"
