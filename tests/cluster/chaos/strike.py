"""Doing what an event says."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from tests.cluster import asking, disk_faults, faults, service_faults
from tests.cluster.chaos.events import Event
from tests.cluster.releases import switch_fleetd
from tests.cluster.stack import Stack

LASTING: dict[str, Callable[[Stack, Event], AbstractContextManager[None]]] = {
    "etcd-stopped": lambda stack, event: faults.etcd_stopped(stack, event.machines),
    "majority-stopped": lambda stack, event: faults.etcd_stopped(stack, event.machines),
    "etcd-paused": lambda stack, event: faults.etcd_paused(stack, event.machines),
    "etcd-silent": lambda stack, event: faults.etcd_silent(stack, event.machines[0]),
    "etcd-no-space": lambda stack, event: service_faults.etcd_without_space(stack),
    "etcd-disk-full": lambda stack, event: faults.etcd_without_room(stack, event.machines[0]),
    "bad-records": lambda stack, event: faults.bad_records(stack),
    "run-full": lambda stack, event: disk_faults.full_run_directory(stack, event.machines[0]),
    "docker-hung": lambda stack, event: faults.docker_hangs(stack, event.machines[0]),
    "dbus-stopped": lambda stack, event: service_faults.dbus_stopped(stack, event.machines[0]),
    "packets-lost": lambda stack, event: service_faults.packets_lost(stack, event.machines[0]),
    "packets-late": lambda stack, event: service_faults.packets_late(stack, event.machines[0]),
    "cut-off": lambda stack, event: faults.cut_off(stack, event.machines[0]),
    "frozen": lambda stack, event: faults.frozen(stack, event.machines[0]),
    "without-power": lambda stack, event: faults.without_power(stack, event.machines[0]),
    "duplicate-id": lambda stack, event: service_faults.duplicate_id(stack, event.machines[0]),
    "all-without-power": lambda stack, event: faults.all_without_power(stack, event.machines),
}


@contextmanager
def striking(stack: Stack, event: Event) -> Generator[None]:
    """It happens, and lasts; it ends with the block."""
    if event.kind in LASTING:
        with LASTING[event.kind](stack, event):
            # How long it lasts is what the event says: there is nothing to wait for.
            time.sleep(event.seconds)
            yield
    else:
        AT_ONCE[event.kind](stack, event)
        yield


def _kill_fleetd(stack: Stack, event: Event) -> None:
    faults.kill(stack, event.machines[0], "fleetd.service")


def _restart_fleetd(stack: Stack, event: Event) -> None:
    stack.on(event.machines[0], "sudo systemctl restart fleetd.service")


def _kill_etcd(stack: Stack, event: Event) -> None:
    faults.kill(stack, event.machines[0], "etcd.service")


def _delete_keys(stack: Stack, event: Event) -> None:
    asking.etcdctl(stack, "machine-1", "del --prefix ''")
    stack.up()


AT_ONCE: dict[str, Callable[[Stack, Event], None]] = {
    "fleetd-killed": _kill_fleetd,
    "fleetd-restarted": _restart_fleetd,
    "fleetd-changed": lambda stack, event: switch_fleetd(stack, event.machines[0]),
    "etcd-killed": _kill_etcd,
    "docker-restarted": lambda stack, event: service_faults.restart_docker(
        stack, event.machines[0]
    ),
    "rebooted": lambda stack, event: faults.reboot(stack, event.machines[0]),
    "keys-deleted": _delete_keys,
}
