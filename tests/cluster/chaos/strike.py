"""Doing what an event says."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.cluster import asking, faults
from tests.cluster.chaos.events import Event
from tests.cluster.stack import Stack

LASTING: dict[str, Callable[[Stack, Event], AbstractContextManager[None]]] = {
    "etcd-stopped": lambda stack, event: faults.etcd_stopped(stack, event.machines),
    "majority-stopped": lambda stack, event: faults.etcd_stopped(stack, event.machines),
    "etcd-paused": lambda stack, event: faults.etcd_paused(stack, event.machines),
    "etcd-silent": lambda stack, event: faults.etcd_silent(stack, event.machines[0]),
    "bad-records": lambda stack, event: faults.bad_records(stack),
    "cut-off": lambda stack, event: faults.cut_off(stack, event.machines[0]),
    "frozen": lambda stack, event: faults.frozen(stack, event.machines[0]),
    "without-power": lambda stack, event: faults.without_power(stack, event.machines[0]),
}


def strike(stack: Stack, event: Event) -> None:
    """Let it happen, and end."""
    if event.kind in LASTING:
        with LASTING[event.kind](stack, event):
            # How long it lasts is what the event says: there is nothing to wait for.
            time.sleep(event.seconds)
    else:
        AT_ONCE[event.kind](stack, event)


def _kill_fleetd(stack: Stack, event: Event) -> None:
    faults.kill(stack, event.machines[0], "fleetd.service")


def _restart_fleetd(stack: Stack, event: Event) -> None:
    stack.on(event.machines[0], "sudo systemctl restart fleetd.service")


def _kill_etcd(stack: Stack, event: Event) -> None:
    faults.kill(stack, event.machines[0], "etcd.service")


def _reboot(stack: Stack, event: Event) -> None:
    stack.run("docker", "restart", "--time", "60", stack.container(event.machines[0]))


def _delete_keys(stack: Stack, event: Event) -> None:
    asking.etcdctl(stack, "machine-1", "del --prefix ''")
    stack.up()


AT_ONCE: dict[str, Callable[[Stack, Event], None]] = {
    "fleetd-killed": _kill_fleetd,
    "fleetd-restarted": _restart_fleetd,
    "etcd-killed": _kill_etcd,
    "rebooted": _reboot,
    "keys-deleted": _delete_keys,
}
