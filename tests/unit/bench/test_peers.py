"""What the bench of the peers makes of its figures."""

from pathlib import Path

from bench.peers.figures import Figures, Took, Used
from bench.peers.idle import used
from bench.peers.tables import tables

from .test_tables import cells


def test_ratios_are_to_the_peers_median():
    figures = Figures()
    for fleet, swarm in ((8.0, 10.0), (9.0, 20.0), (30.0, 12.0)):
        figures.add_work("quadlet", {"start": Took(fleet, 3.0)})
        figures.add_work("swarm", {"start": Took(swarm, 6.0)})
    lines = cells(tables(figures))
    assert lines[1:5] == [
        ["start, seconds", "quadlet", "3", "8.00 / 9.00 / 30.00", "0.75"],
        ["start, seconds", "swarm", "3", "10.00 / 12.00 / 20.00", "1.00"],
        ["start, processors", "quadlet", "3", "3.00 / 3.00 / 3.00", "0.50"],
        ["start, processors", "swarm", "3", "6.00 / 6.00 / 6.00", "1.00"],
    ]


def test_without_the_peer_there_is_no_ratio():
    figures = Figures()
    figures.add_work("quadlet", {"start": Took(8.0, 3.0)})
    assert cells(tables(figures))[1] == ["start, seconds", "quadlet", "1", "8.00 / 8.00 / 8.00"]


def test_idle_is_the_mean_of_machines_and_the_most():
    figures = Figures()
    figures.add_idle("swarm", {"dockerd": [Used(1.0, 100.0), Used(4.0, 110.0)]})
    lines = cells(tables(figures))
    assert lines[-1] == ["swarm", "dockerd", "2.50 %", "4.00 %", "105.0"]


def test_what_is_used_is_the_difference_of_two_samples():
    before = [{"etcd": (10.0, 50.0), "bash": (1.0, 1.0)}, {"etcd": (5.0, 40.0)}]
    after = [
        {"etcd": (10.5, 55.0), "bash": (9.0, 1.0)},
        {"etcd": (5.0, 41.0), "conmon": (0.5, 2.0)},
    ]
    assert used(before, after, 10.0) == {
        "etcd": [Used(5.0, 55.0), Used(0.0, 41.0)],
        "conmon": [Used(0.0, 0.0), Used(5.0, 2.0)],
    }


def test_figures_are_kept_from_run_to_run(tmp_path: Path):
    kept = tmp_path / "figures.json"
    first = Figures.read(kept)
    first.add_work("swarm", {"start": Took(1.5, 2.0)})
    first.add_idle("swarm", {"dockerd": [Used(1.0, 100.0)]})
    first.write(kept)
    second = Figures.read(kept)
    assert second == first
    second.add_work("swarm", {"start": Took(2.5, 3.0)})
    assert second.work == {"start": {"swarm": [Took(1.5, 2.0), Took(2.5, 3.0)]}}
