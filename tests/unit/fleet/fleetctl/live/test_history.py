"""The history: what is known of leases."""

from fleet_cluster.fleet.fleetctl.live.changes import Change, change
from fleet_cluster.fleet.fleetctl.live.history import LEASES_SECONDS, History
from tests.unit.fleet.fleetctl.live.any_overview import AT, IDS, busy


def test_the_age_of_a_lease_is_known_as_long_as_it_is_told() -> None:
    history = History()
    history.take_in(change(None, busy(), AT))
    assert history.lease_age(IDS[0], AT) is None
    assert history.take_in(Change(AT, False, False, {}, {}, {IDS[0]: 4})) == []
    assert history.overview == busy()
    assert history.lease_age(IDS[0], AT + LEASES_SECONDS / 2) == 4
    assert history.lease_age(IDS[1], AT) is None
    assert history.lease_age(IDS[0], AT + LEASES_SECONDS) is None
    history.take_in(change(busy(), busy(), AT + 1, lost=True))
    assert history.lease_age(IDS[0], AT + 1) is None, "etcd does not answer"
