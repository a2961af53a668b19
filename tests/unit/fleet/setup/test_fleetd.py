"""What the step `fleetd` waits for before the next machine is touched."""

from fleet_cluster.fleet.setup.fleetd import on_the_way, predecessors


def test_a_machine_made_anew_waits_for_its_predecessors_lease():
    machines = [{"ip": "172.30.7.11"}, {"ip": "172.30.7.12"}, {"ip": "172.30.7.11"}]
    assert predecessors(machines) == ["172.30.7.11"]
    assert predecessors(machines[:2]) == []


def test_units_that_are_to_run_are_waited_for_and_failed_ones_are_not():
    units = [
        {"unit": "a.service", "dstate": "launched", "active": "active"},
        {"unit": "b.service", "dstate": "launched", "active": "activating"},
        {"unit": "c.service", "dstate": "launched", "active": "failed"},
        {"unit": "d.service", "dstate": "loaded", "active": "inactive"},
        {"unit": "e.service", "dstate": "launched", "active": "lost"},
        {"unit": "e.service", "dstate": "launched", "active": "active"},
        {"unit": "f.service", "dstate": "launched", "active": "lost"},
        {"unit": "g.service", "dstate": "launched", "active": "inactive", "ended": True},
    ]
    assert on_the_way(units) == ["b.service", "f.service"]
