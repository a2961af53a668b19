"""What can go wrong with a cluster's machines: each fault lasts as long as its block."""

import shlex
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from fleet_cluster.fleet.setup.files import ETCD_DATA
from tests.cluster import asking
from tests.cluster.stack import Stack, eventually

BACK_SECONDS = 90
"""For a program or machine to be up again."""


@contextmanager
def etcd_stopped(stack: Stack, machines: Sequence[str]) -> Generator[None]:
    """These members are down and refuse connections."""
    try:
        for machine in machines:
            stack.on(machine, "sudo systemctl stop etcd.service")
        yield
    finally:
        for machine in machines:
            # Ready when it has a leader, which may need the other members.
            stack.on(machine, "sudo systemctl start --no-block etcd.service")


@contextmanager
def etcd_paused(stack: Stack, machines: Sequence[str]) -> Generator[None]:
    """These members do nothing, while their machines go on taking connections for them."""
    try:
        for machine in machines:
            stack.on(machine, "sudo systemctl kill --signal=STOP etcd.service")
        for machine in machines:
            # The signal is sent; each of its threads stops when it has the processor next.
            eventually(
                f"etcd of {machine} stands still",
                lambda on=machine: stack.on(on, "ps -o stat= -C etcd").out.startswith("T"),
            )
        yield
    finally:
        for machine in machines:
            stack.on(machine, "sudo systemctl kill --signal=CONT etcd.service")


@contextmanager
def etcd_silent(stack: Stack, machine: str) -> Generator[None]:
    """Packets to and from this member are dropped; its machine reaches the other members."""
    rules = [
        "INPUT ! -i lo -p tcp -m multiport --dports 2379,2380 -j DROP",
        "INPUT ! -i lo -p tcp --sport 2380 -j DROP",
        "OUTPUT ! -o lo -p tcp -m multiport --sports 2379,2380 -j DROP",
        "OUTPUT ! -o lo -p tcp --dport 2380 -j DROP",
    ]
    with packet_filter(stack, machine, rules):
        yield


@contextmanager
def fleetd_hangs(stack: Stack, machine: str) -> Generator[None]:
    """fleetd stands still, its lease too; systemd's watchdog may end that."""
    try:
        stack.on(machine, "sudo systemctl kill --signal=STOP fleetd.service")
        yield
    finally:
        stack.on(machine, "sudo systemctl kill --signal=CONT fleetd.service")


@contextmanager
def cut_off(stack: Stack, machine: str) -> Generator[None]:
    """The machine reaches no other and none reaches it, but this computer for its SSH."""
    with packet_filter(stack, machine, [f"{one} -j DROP" for one in packets(stack, machine)]):
        yield


def packets(stack: Stack, machine: str) -> list[str]:
    """All but those from and to this computer, as rules of the packet filter select them."""
    gateway = stack.run(
        "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}",
        stack.container(machine),
    ).out.strip()  # fmt: skip
    return [f"INPUT ! -i lo ! -s {gateway}", f"OUTPUT ! -o lo ! -d {gateway}"]


@contextmanager
def cut_off_while_fleetd_hangs(stack: Stack, machine: str) -> Generator[None]:
    """Both; the machine is reached again before its fleetd goes on."""
    with fleetd_hangs(stack, machine), cut_off(stack, machine):
        yield


@contextmanager
def docker_hangs(stack: Stack, machine: str) -> Generator[None]:
    """The container engine stands still; containers run on."""
    signal = "sudo systemctl kill --kill-whom=main docker.service containerd.service --signal"
    try:
        stack.on(machine, f"{signal}=STOP")
        yield
    finally:
        stack.on(machine, f"{signal}=CONT")


@contextmanager
def cut_off_while_docker_hangs(stack: Stack, machine: str) -> Generator[None]:
    """Both."""
    with docker_hangs(stack, machine), cut_off(stack, machine):
        yield


@contextmanager
def packet_filter(stack: Stack, machine: str, rules: Sequence[str]) -> Generator[None]:
    """Rules of the machine's packet filter, before all others."""
    try:
        for rule in rules:
            stack.on(machine, f"sudo iptables --wait --insert {rule}")
        yield
    finally:
        for rule in rules:
            stack.on(machine, f"sudo iptables --wait --delete {rule}", check=False)


@contextmanager
def frozen(stack: Stack, machine: str) -> Generator[None]:
    """Every process of the machine stands still, and goes on afterwards as if nothing had been."""
    container = stack.container(machine)
    stack.run("docker", "pause", container)
    try:
        yield
    finally:
        stack.run("docker", "unpause", container)


@contextmanager
def without_power(stack: Stack, machine: str) -> Generator[None]:
    """The machine dies, and boots again with what its disk holds."""
    container = stack.container(machine)
    stack.run("docker", "kill", container)
    try:
        yield
    finally:
        stack.run("docker", "start", container)
        takes_logins(stack, machine)


@contextmanager
def all_without_power(stack: Stack, machines: Sequence[str]) -> Generator[None]:
    """All die at once, and boot at once."""
    containers = [stack.container(machine) for machine in machines]
    stack.run("docker", "kill", *containers)
    try:
        yield
    finally:
        stack.run("docker", "start", *containers)
        for machine in machines:
            takes_logins(stack, machine)


def reboot(stack: Stack, machine: str) -> None:
    """The machine goes down in order, and boots."""
    stack.run("docker", "restart", "--time", "60", stack.container(machine))
    takes_logins(stack, machine)


def takes_logins(stack: Stack, machine: str) -> None:
    """Wait until it does."""
    eventually(
        f"{machine} takes logins",
        lambda: stack.on(machine, "true", check=False).code == 0,
        BACK_SECONDS,
    )


def main_pid(stack: Stack, machine: str, unit: str) -> int:
    """The process that systemd knows as the service's main one; 0 if it has none."""
    return int(stack.on(machine, f"systemctl show --value --property=MainPID {unit}").out)


def kill(stack: Stack, machine: str, unit: str) -> None:
    """Kill a program of a machine, and wait until systemd has it up again."""
    pid = main_pid(stack, machine, unit)
    stack.on(machine, f"sudo kill -9 {pid}")
    up = f"systemctl is-active --quiet {unit}"
    eventually(
        f"{unit} of {machine} is back",
        lambda: (
            main_pid(stack, machine, unit) not in (0, pid)
            and stack.on(machine, up, check=False).code == 0
        ),
        BACK_SECONDS,
    )


@contextmanager
def without_address(stack: Stack, machine: str, address: str) -> Generator[None]:
    """The machine has none, as when its network comes up late; docker reaches it all the same."""
    container = stack.container(machine)
    found = stack.run("docker", "exec", container, "ip", "-brief", "address", "show", "to", address)
    device, _, network = found.out.split()[:3]
    routes = stack.run("docker", "exec", container, "ip", "route", "show", "default").out.split()
    device = device.partition("@")[0]
    stack.run("docker", "exec", container, "ip", "address", "del", network, "dev", device)
    try:
        yield
    finally:
        stack.run("docker", "exec", container, "ip", "address", "add", network, "dev", device)
        stack.run("docker", "exec", container, "ip", "route", "replace", *routes)


@contextmanager
def etcd_without_room(stack: Stack, machine: str) -> Generator[None]:
    """Its member's data are on a small disk, on which there is no room; at the end there is."""
    filler = f"{ETCD_DATA}/filler"
    small = "sudo mount -t tmpfs -o size=256m,mode=700,uid=etcd,gid=etcd etcd"
    stack.on(machine, _with_data_moved(f"{small} {ETCD_DATA}"))
    stack.on(machine, f"sudo dd if=/dev/zero of={filler} bs=64K status=none || true")
    try:
        yield
    finally:
        stack.on(machine, f"sudo rm {filler}")
        eventually(
            f"etcd of {machine} is back",
            lambda: stack.on(machine, "systemctl is-active etcd.service", check=False).code == 0,
            BACK_SECONDS,
        )
        stack.on(machine, _with_data_moved(f"sudo umount {ETCD_DATA}"))


def _with_data_moved(change: str) -> str:
    """A member's data go along with what is mounted or unmounted where they are."""
    aside = "/run/etcd-data"
    return (
        "set -e; sudo systemctl stop etcd.service; "
        f"sudo cp -a {ETCD_DATA} {aside}; {change}; sudo rm -rf {ETCD_DATA}/member; "
        f"sudo mv {aside}/member {ETCD_DATA}; sudo rm -r {aside}; sudo systemctl start etcd.service"
    )


NOBODY = "f" * 32
"""The id of a machine that there is not."""

BAD_RECORDS = {
    f"/fleet/machines/{NOBODY}": f'{{"id":"{NOBODY}","address":"","hostname":"","metadata":null}}',
    "/fleet/units/bad.service": '{"sha":1,"target":"launched"}',
    "/fleet/units/deep.service": "[" * 10_000,
    f"/fleet/schedule/{NOBODY}/bad.service": '{"sha":1,"target":"launched"}',
    f"/fleet/states/{NOBODY}/bad.service": "null",
    f"/fleet/marks/{NOBODY}": '{"cordoned":"yes"}',
    "/fleet/moves/bad.service": '{"source":[],"target":"x"}',
    f"/fleet/orders/{NOBODY}/bad.service": "{",
}
"""What no fleet of any version writes, by key; none is of a machine or a unit that there is."""

NO_TEXT = "\"$(printf '/fleet/units/\\377.service')\""
"""A key that is not UTF-8, as a shell spells it."""


@contextmanager
def bad_records(stack: Stack) -> Generator[None]:
    """Somebody has written nonsense into etcd."""
    try:
        for key, value in BAD_RECORDS.items():
            asking.etcdctl(stack, "machine-1", f"put {key} {shlex.quote(value)}")
        asking.etcdctl(stack, "machine-1", f"put {NO_TEXT} \"$(printf '\\377')\"")
        yield
    finally:
        for key in [*BAD_RECORDS, NO_TEXT]:
            asking.etcdctl(stack, "machine-1", f"del {key}")
