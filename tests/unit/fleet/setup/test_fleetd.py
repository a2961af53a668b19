"""What the step `fleetd` waits for before the next machine is touched."""

from fleet_cluster.fleet.fleetctl.commands.machines import list_machines
from fleet_cluster.fleet.setup.fleetd import DUPLICATE, duplicate, on_the_way, predecessors


def test_machine_whose_id_another_address_has_is_refused():
    machines = [
        {"machine": "a", "ip": "172.30.7.11", "state": ""},
        {"machine": "b", "ip": "172.30.7.12", "state": "cordoned"},
        {"machine": "a", "ip": "172.30.7.13", "state": list_machines.DUPLICATE},
    ]
    why = duplicate("172.30.7.13", machines)
    assert "172.30.7.13 has the machine id a, which 172.30.7.11 has too" in why
    assert [duplicate(f"172.30.7.1{n}", machines) for n in (1, 2, 4)] == ["", "", ""]
    assert list_machines.DUPLICATE == DUPLICATE


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
