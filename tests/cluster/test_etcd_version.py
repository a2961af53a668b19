"""etcd's version, and Debian's, reach a cluster that is up by `pulumi up`, under load."""

import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from fleet_cluster._etcd_release import VERSION
from fleet_cluster._lifecycle.ssh_call import write_files
from tests.checkout import CHECKOUT
from tests.cluster import asking, base_image, etcd_release
from tests.cluster.load import Load
from tests.cluster.operations import copied
from tests.cluster.stack import PROGRAM, Stack, copy_program, eventually, free_port

pytestmark = pytest.mark.faults
Runs = Mapping[tuple[str, str], asking.Run]

DEBIANS = "5caf045"
"""A commit whose machines were Debian 12 and ran Debian's etcd, 3.4.23."""
ON_DEBIAN_12 = "7c054b9"
"""The last commit whose machines were Debian 12; their etcd was the present one."""
DEBIAN_12 = "debian:bookworm-slim"
NEXT = "3.7.3"
"""A release of the next minor version."""


def checked_out(commit: str, to: Path) -> Path:
    """The checkout as it was."""
    packed = subprocess.run(
        ("git", "archive", commit), cwd=CHECKOUT, capture_output=True, check=True
    )
    to.mkdir()
    subprocess.run(("tar", "-x"), cwd=to, input=packed.stdout, check=True)
    return to


def program_of(commit: str, to: Path) -> Path:
    """The program as it was, with what the set-up puts into it, and what its images start from."""
    base_image.provide(DEBIAN_12)
    checked_out(commit, to)
    for program in (CHECKOUT / "images/nginx-pool").glob("confd-*"):
        shutil.copy(program, to / "images/nginx")
    (to / ".venv").symlink_to(CHECKOUT / ".venv")
    return to


def bring_to(checkout: Path, program: Path) -> None:
    """Make the program that of a checkout; its units and their images stay its own.

    But nginx's, if the checkout's program names another unit with it.
    """
    shutil.rmtree(program / "components")
    theirs = {name for name in PROGRAM if (checkout / name).exists()}
    for name in theirs - {"units", "images"}:
        source = checkout / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, program / name)
    if (checkout / "units/nginx-pool.service").exists():
        for image in ("images/nginx", "images/nginx-pool"):
            shutil.rmtree(program / image, ignore_errors=True)
            shutil.copytree(checkout / image, program / image)
        for unit in asking.PROGRAMS_EVERYWHERE:
            shutil.copy(checkout / "units" / unit, program / "units" / unit)


def pin(program: Path, version: str) -> None:
    """Make the program ask for a version of etcd."""
    source = program / "components/fleet_cluster/_etcd_release.py"
    text, times = re.subn(
        r'^VERSION = ".*"', f'VERSION = "{version}"', source.read_text(), flags=re.M
    )
    assert times == 1
    source.write_text(text)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack without a program yet."""
    program = tmp_path / "program"
    env = {"PYTHONPATH": str(program / "components")}
    made = Stack(f"test-{secrets.token_hex(4)}", program, tmp_path / "state", env)
    yield made
    made.destroy()
    assert made.docker_objects() == []


def bring_up(stack: Stack) -> dict[str, str]:
    """Bring it up: its machines."""
    stack.create({"load-balancer-port": str(free_port()), "reconcile-interval": "3600"})
    stack.up()
    return stack.outputs()["machines"]


def versions(stack: Stack) -> set[str]:
    """What etcd's members run, as they say."""
    listed = asking.etcdctl(stack, "machine-1", "endpoint status --cluster --write-out=json").out
    return set(re.findall(r'"version":"([^"]+)"', listed))


def debian(stack: Stack, machines: Iterable[str]) -> set[str]:
    """The releases of Debian that machines have."""
    ask = ". /etc/os-release; echo $VERSION_ID"
    return {stack.on(machine, ask).out.strip() for machine in machines}


def kept(stack: Stack) -> str:
    return stack.on("machine-2", "etcdctl get --print-value-only /test/kept").out.strip()


def changed(before: Runs, after: Runs) -> set[tuple[str, str]]:
    """Machines and units that have not the same run."""
    return {at for at in before.keys() | after.keys() if before.get(at) != after.get(at)}


def write_ssh_files(stack: Stack) -> None:
    """As `make env` does: a stack of before had them as resources, whose end removes them."""
    told = stack.run("pulumi", "stack", "output", "ssh_files", "--json", "--show-secrets").out
    folder = Path(stack.environment()["FLEETCTL_SSH_CONFIG"]).parent
    write_files(json.loads(told), str(folder))


def to_debian_13(stack: Stack, machines: Mapping[str, str]) -> None:
    """Update the stack, under load."""
    with Load(stack.outputs()["url"]) as load:
        stack.up()
        eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    assert debian(stack, machines) == {"13"}
    assert versions(stack) == {VERSION}
    assert stack.changes() == {}
    print(f"\nfrom Debian 12 to 13: {load}")
    assert not load.failed, load.failed


def test_from_debians_etcd_and_debian_12_by_two_updates(stack: Stack):
    """The first one leaves the machines as they are: one made anew could not join etcd 3.4."""
    program_of(DEBIANS, stack.program)
    machines = bring_up(stack)
    assert versions(stack) == {"3.4.23"}
    stack.on("machine-2", "etcdctl put /app/greeting 'by hand'")
    before = asking.runs(stack, machines)
    containers = {machine: stack.container(machine) for machine in machines}
    bring_to(CHECKOUT, stack.program)
    with Load(stack.outputs()["url"]) as load:
        done = stack.up()
        write_ssh_files(stack)
        eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    assert "Machines keep their image in this update" in done.text
    assert versions(stack) == {VERSION}
    assert debian(stack, machines) == {"12"}
    assert {machine: stack.container(machine) for machine in machines} == containers
    assert changed(before, asking.runs(stack, machines)) == {
        (machine, unit) for machine in machines for unit in asking.PROGRAMS_EVERYWHERE
    }
    greeting = stack.on("machine-2", "etcdctl get --print-value-only /app/greeting").out
    assert greeting == "Hello World!\n", "it is the program's again"
    print(f"\nfrom etcd 3.4.23 to {VERSION}: {load}")
    assert not load.failed, load.failed
    to_debian_13(stack, machines)


def test_from_debian_12_to_13_machine_by_machine(stack: Stack):
    program_of(ON_DEBIAN_12, stack.program)
    machines = bring_up(stack)
    assert debian(stack, machines) == {"12"}
    bring_to(CHECKOUT, stack.program)
    to_debian_13(stack, machines)


def test_to_the_next_minor_version_member_by_member_and_back_with_a_snapshot(stack: Stack):
    etcd_release.provide(NEXT)
    copy_program(stack.program)
    machines = bring_up(stack)
    before = asking.runs(stack, machines)
    stack.on("machine-2", "etcdctl put /test/kept before")
    copied(stack, "backup")
    pin(stack.program, NEXT)
    with Load(stack.outputs()["url"]) as load:
        stack.up()
        eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    assert versions(stack) == {NEXT}
    assert asking.runs(stack, machines) == before
    assert kept(stack) == "before"
    assert stack.changes() == {}
    print(f"\nfrom etcd {VERSION} to {NEXT}: {load}")
    assert not load.failed, load.failed
    pin(stack.program, VERSION)
    refused = stack.up(check=False)
    assert f"etcd {VERSION} cannot be a member beside" in refused.text
    assert versions(stack) == {NEXT}, "nothing was changed"
    with Load(stack.outputs()["url"]) as load:
        copied(stack, "all data lost")
        copied(stack, "restore")
        eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    assert versions(stack) == {VERSION}
    assert asking.runs(stack, machines) == before
    assert kept(stack) == "before"
    print(f"\nback from etcd {NEXT} to {VERSION}, with a snapshot: {load}")
    assert not load.failed, load.failed
