"""Which machine reboots when the lock of reboots says so, and how often."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fleet_cluster.fleet.agent.reboot_order import RebootOrder
from fleet_cluster.fleet.model.keys import REBOOT_LOCK
from fleet_cluster.fleet.model.reboots import RebootLock, RebootPhase
from tests.unit.fleet.fakes.kv import MemoryKV

LOCK = RebootLock("m1", "1st", RebootPhase.REBOOTING)


class Rig:
    def __init__(self) -> None:
        self.store = MemoryKV(lambda: 0.0)
        self.reboots = 0
        self.fault = ""
        self.order = RebootOrder("m1", "1st", self.store, lambda: None, self.reboot)

    def reboot(self) -> None:
        self.reboots += 1
        if self.fault:
            raise OSError(self.fault)

    def tell(self, lock: RebootLock, is_heeded: bool = True) -> None:
        self.store.put(REBOOT_LOCK, lock.to_json())
        self.order.follow(is_heeded)


def test_it_reboots_once() -> None:
    rig = Rig()
    rig.tell(LOCK)
    rig.order.follow(True)
    assert rig.reboots == 1


OTHERS: list[Callable[[RebootLock], RebootLock]] = [
    lambda lock: replace(lock, machine="m2"),
    lambda lock: replace(lock, boot="an earlier one"),
    lambda lock: replace(lock, phase=RebootPhase.DRAINING),
    lambda lock: replace(lock, phase="of another version"),
    lambda lock: replace(lock, failure="it took too long"),
]


@pytest.mark.parametrize("other", OTHERS)
def test_it_does_not_for_another(other: Callable[[RebootLock], RebootLock]) -> None:
    rig = Rig()
    rig.tell(other(LOCK))
    assert rig.reboots == 0


def test_it_does_not_as_long_as_the_store_is_not_trusted() -> None:
    rig = Rig()
    rig.tell(LOCK, is_heeded=False)
    assert rig.reboots == 0
    rig.order.follow(True)
    assert rig.reboots == 1


def test_a_lock_that_is_no_record_reboots_nothing() -> None:
    rig = Rig()
    rig.store.put(REBOOT_LOCK, "no record")
    rig.order.follow(True)
    assert rig.reboots == 0


def test_that_it_cannot_is_told_as_long_as_it_is_to() -> None:
    rig = Rig()
    rig.fault = "systemctl refuses: inhibited"
    rig.tell(LOCK)
    rig.order.follow(True)
    assert rig.reboots == 1
    assert rig.order.fault == (
        "this machine is to reboot, and cannot: systemctl refuses: inhibited"
    )
    rig.store.remove(REBOOT_LOCK)
    rig.order.follow(True)
    assert rig.order.fault == ""


def test_every_machine_tells_of_a_reboot_that_does_not_end() -> None:
    rig = Rig()
    rig.tell(replace(LOCK, machine="m2", failure="it is away"))
    assert rig.order.hanging == "the reboot of machine m2 does not end, it is away"
    rig.store.remove(REBOOT_LOCK)
    rig.order.follow(True)
    assert rig.order.hanging == ""
