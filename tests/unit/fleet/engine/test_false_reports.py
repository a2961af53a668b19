"""A worker that says of itself what is not so is not given the secrets of a unit for it."""

from dataclasses import replace

import pytest

from fleet_cluster.fleet.engine.reconciler import Caution, decide
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.pins import pinned
from fleet_cluster.fleet.model.record import Record
from fleet_cluster.fleet.model.records import Assignment, DesiredState, UnitState
from fleet_cluster.fleet.model.secrets import Delivery, Recipient
from tests.unit.fleet.cluster_states import Situation, state_of
from tests.unit.fleet.fakes.sealer import key_of
from tests.unit.fleet.fakes.units import SLEEPS

U, VERSION = "u.service", "1-9f3c"
NAMES = f"{SLEEPS}LoadCredential=db-password:/run/fleet/credentials\n"
SECRET, PLAIN = pinned(NAMES, {"db-password": VERSION}), SLEEPS
UP = UnitState("loaded", "active", "running", "new")
MEMBER: dict[str, Record | str] = {keys.recipient_key("b"): Recipient(key_of("b"))}
GIVEN: dict[str, Record | str] = {
    keys.credential_key("b", "db-password", VERSION): Delivery("sealed", key_of("b"))
}


def homes(
    text: str,
    state: UnitState,
    also: dict[str, Record | str],
    schedule: dict[tuple[str, str], Assignment] | None = None,
) -> tuple[str | None, set[str]]:
    """Where the unit is, of which machine b says this; and who is told to run it."""
    texts, told = {U: text}, schedule or {}
    what = Situation(texts=texts, states={("b", U): state}, schedule=told)
    view = state_of({**what.records(), **also})
    changes = decide(view, Caution()).changes
    run = {c.machine for c in changes if c.assignment and c.assignment.desired_state == "launched"}
    return view.current(U), run


@pytest.mark.parametrize("active", ["active", "inactive"])
@pytest.mark.parametrize("orphan", [True, False])
def test_a_worker_that_says_it_has_a_unit_is_not_given_it_with_its_secrets(
    orphan: bool, active: str
) -> None:
    current, run = homes(SECRET, replace(UP, orphan=orphan, active=active), {})
    assert current is None and "b" not in run


@pytest.mark.parametrize(
    ("text", "also"),
    [(SECRET, MEMBER), (SECRET, GIVEN), (PLAIN, {})],
    ids=["a member", "a worker that has the secrets", "a unit without secrets"],
)
def test_what_runs_where_etcd_has_lost_its_data_stays_there(
    text: str, also: dict[str, Record | str]
) -> None:
    assert homes(text, replace(UP, orphan=True), also) == ("b", {"b"})


def test_a_worker_that_was_assigned_it_keeps_it() -> None:
    own = Assignment("new", DesiredState.LAUNCHED)
    assert homes(SECRET, replace(UP, orphan=True), {}, {("b", U): own}) == ("b", set())
