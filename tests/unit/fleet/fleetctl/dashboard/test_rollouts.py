"""Rollouts, as far as rows tell of them."""

from fleet_cluster.fleet.fleetctl.dashboard.rollouts import Rollout, Rollouts
from fleet_cluster.fleet.fleetctl.live.overview import Overview
from tests.unit.fleet.fleetctl.live.any_overview import machine, overview, unit

OLD, NEW = "a" * 64, "b" * 64
NAMES = ("web@1.service", "web@2.service", "web@3.service")


def with_new(*new: str) -> Overview:
    units = [unit(name, sha=NEW if name in new else OLD) for name in NAMES]
    return overview([machine(1)], [*units, unit("db.service", sha=OLD)])


def test_it_is_told_how_far_a_rollout_is_until_it_is_done() -> None:
    rollouts, told = Rollouts(), list[list[Rollout]]()
    steps = [with_new(), with_new(NAMES[0]), with_new(*NAMES[:2]), with_new(*NAMES)]
    for before, now in zip([Overview(), *steps], steps, strict=False):
        told.append(rollouts.take_in(before, now))
    assert told == [
        [],
        [Rollout("web@.service", "1 of 3 have file bbbbbbb", 1 / 3)],
        [Rollout("web@.service", "2 of 3 have file bbbbbbb", 2 / 3)],
        [],
    ]


def test_one_that_goes_back_is_told_of_the_file_that_comes() -> None:
    rollouts = Rollouts()
    rollouts.take_in(with_new(), with_new(*NAMES[:2]))
    (told,) = rollouts.take_in(with_new(*NAMES[:2]), with_new(NAMES[0]))
    assert told.text == "2 of 3 have file aaaaaaa"


def test_of_one_that_had_begun_before_anybody_looked_it_is_not_known_which_file_is_new() -> None:
    (told,) = Rollouts().take_in(Overview(), with_new(NAMES[0]))
    assert told == Rollout("web@.service", "2 files: 2 with aaaaaaa, 1 with bbbbbbb", 0.0)


def test_a_global_unit_is_rolled_machine_by_machine() -> None:
    old = [unit("log.service", number, sha=OLD, everywhere=True) for number in (1, 2)]
    new = [old[0], unit("log.service", 2, sha=NEW, everywhere=True)]
    on = [machine(1), machine(2)]
    (told,) = Rollouts().take_in(overview(on, old), overview(on, new))
    assert told == Rollout("log.service", "1 of 2 have file bbbbbbb", 0.5)


def test_units_that_only_run_on_until_they_are_up_elsewhere_do_not_count() -> None:
    leaving = unit("web@1.service", 2, sha=NEW, is_home=False)
    now = overview([machine(1)], [unit("web@1.service", 1, sha=OLD), leaving])
    assert Rollouts().take_in(Overview(), now) == []
