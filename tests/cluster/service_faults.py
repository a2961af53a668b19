"""Faults of what a machine has beside its units: each lasts as long as its block."""

from collections.abc import Generator
from contextlib import contextmanager

from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

BOTH = "dbus.socket dbus.service"
LOSS = "-m statistic --mode random --probability 0.05 -j DROP"
"""One packet in twenty."""
NARROW = "tbf rate 1mbit burst 2kb latency 300ms"
"""What is sent waits for what was sent before it: not every kernel has netem, which delays all."""
RAISE = """
import sys
from pathlib import Path
import grpc
read = lambda name: Path("/etc/etcd/pki", name).read_bytes()
secured = grpc.ssl_channel_credentials(read("ca.crt"), read("root.key"), read("root.crt"))
channel = grpc.secure_channel("127.0.0.1:2379", secured)
def varint(number):
    return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + varint(number // 128)
activate, member, no_space = bytes([8, 1]), b"\\x10" + varint(int(sys.argv[1])), bytes([24, 1])
ask = channel.unary_unary("/etcdserverpb.Maintenance/Alarm")
ask(activate + member + no_space, timeout=10)
"""
"""etcd's own call for it, which etcdctl does not offer; fields are those of AlarmRequest."""


def restart_docker(stack: Stack, machine: str) -> None:
    """The container engine starts anew; containers run on, their clients do not."""
    stack.on(machine, "sudo systemctl restart docker.service")


@contextmanager
def dbus_stopped(stack: Stack, machine: str) -> Generator[None]:
    """Nobody reaches systemd over the bus; root has a way of its own."""
    try:
        stack.on(machine, f"sudo systemctl stop {BOTH}")
        yield
    finally:
        stack.on(machine, f"sudo systemctl start {BOTH}")


@contextmanager
def packets_lost(stack: Stack, machine: str) -> Generator[None]:
    """The machine's network loses some packets, both ways."""
    rules = [f"{one} {LOSS}" for one in faults.packets(stack, machine)]
    with faults.packet_filter(stack, machine, rules):
        yield


@contextmanager
def packets_late(stack: Stack, machine: str) -> Generator[None]:
    """The machine's network is slow: packets come late, and some not at all."""
    try:
        stack.on(machine, f"sudo tc qdisc add dev eth0 root {NARROW}")
        yield
    finally:
        stack.on(machine, "sudo tc qdisc del dev eth0 root")


@contextmanager
def etcd_without_space(stack: Stack) -> Generator[None]:
    """etcd has the alarm that it raises when its data have reached their limit."""
    member = asking.etcd_members(stack, "machine-1")["machine-1"]
    try:
        stack.on("machine-1", f"sudo python3 - {member.id}", stdin=RAISE)
        refused = stack.on("machine-1", "etcdctl put /test/full 1", check=False)
        assert "database space exceeded" in refused.text, refused.text
        yield
    finally:
        asking.etcdctl(stack, "machine-1", "alarm disarm")


@contextmanager
def duplicate_id(stack: Stack, machine: str) -> Generator[None]:
    """The machine boots with another's id, as a clone of its disk does; then with its own."""
    own = stack.on(machine, "cat /etc/machine-id").out
    another = "machine-1" if machine != "machine-1" else "machine-2"
    try:
        _boot_as(stack, machine, stack.on(another, "cat /etc/machine-id").out)
        yield
    finally:
        _boot_as(stack, machine, own)


def _boot_as(stack: Stack, machine: str, id: str) -> None:
    stack.on(machine, "sudo tee /etc/machine-id", stdin=id)
    faults.reboot(stack, machine)
    ready = "systemctl is-active --quiet fleetd.service"
    eventually(
        f"fleetd of {machine} knows which machine it is",
        lambda: stack.on(machine, ready, check=False).code == 0,
        faults.BACK_SECONDS,
    )
