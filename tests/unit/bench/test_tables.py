"""The bench's tables."""

from bench import tables
from bench.experiments import Took, Usage

SLOW, FAST = [Took(2.0, 4.0), Took(1.0, 3.0), Took(9.0, 9.0)], [Took(1.0, 2.0)] * 3


def test_start_and_destroy_next_to_systemd_and_fleet_1():
    ways = {"tunnel": SLOW, "machine": SLOW, "systemd": FAST}
    lines = cells(tables.start_and_destroy({12: {"start": ways, "destroy": ways}}))
    slow, fast = "1.00 / 2.00 / 9.00", "1.00 / 1.00 / 1.00"
    assert lines[1] == ["start 12, processes", slow, "2.0", slow, fast, "3.3"]
    assert [line[0] for line in lines[2:]] == [
        "start 12, told",
        "destroy 12, processes",
        "destroy 12, told",
    ]


def test_containers_in_two_ways():
    took = {
        "start": {"docker": SLOW, "quadlet": FAST},
        "destroy": {"docker": SLOW, "quadlet": SLOW},
    }
    lines = cells(tables.containers(100, took))
    slow, fast = "1.00 / 2.00 / 9.00", "1.00 / 1.00 / 1.00"
    assert lines[1] == ["start 100, processes", slow, fast, "0.50"]
    assert [line[-1] for line in lines[2:]] == ["0.50", "1.00", "1.00"]


def test_failover():
    lines = cells(tables.failover({10: {"follower": SLOW}}))
    assert lines[1] == ["lease 10 s, follower killed", "1.00 / 2.00 / 9.00", "3.00 / 4.00 / 9.00"]


def test_idle_is_sorted_by_program():
    used = [Usage("m1", "fleetd", True, 0.234, 40, 30), Usage("m1", "etcd", False, 1, 70, 60)]
    lines = cells(tables.idle(used))
    assert lines[1:] == [
        ["etcd on m1", "1.00 %", "70.0", "60.0"],
        ["fleetd on m1, leads", "0.23 %", "40.0", "30.0"],
    ]


def test_columns_line_up():
    text = tables.table(("", "long header"), [("a", "1"), ("bcd", "22")])
    assert text == "     long header\na              1\nbcd           22\n"


def cells(text: str) -> list[list[str]]:
    """The cells of each line; at least two spaces are between them."""
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()
    ]
