"""A newer version of fleet reaches a cluster that is up, or goes back, under load."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT
from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.releases import PREVIOUS
from tests.cluster.stack import Stack, copy_program, eventually
from tests.cluster.test_etcd_version import bring_up, changed, checked_out, stack

__all__ = ["stack"]
LOOP = "components/fleet_cluster/fleet/fleetd/loop.py"
ROUND_ENDS = "        return max(PAUSE_SECONDS, min(seconds for seconds in due if seconds))\n"
FIRST = "machine-1"


def previous_program(to: Path) -> None:
    """The program of the release before, with what the set-up puts into it."""
    checked_out(PREVIOUS, to)
    for program in (CHECKOUT / "images/nginx-pool").glob("confd-*"):
        shutil.copy(program, to / "images/nginx-pool")
    (to / ".venv").symlink_to(CHECKOUT / ".venv")


def template_of(unit: str) -> str:
    return re.sub("@[^.]*", "@", unit)


@pytest.mark.faults
def test_from_the_previous_release_a_preview_tells_what_restarts_and_no_request_notices(
    stack: Stack,
):
    previous_program(stack.program)
    machines = bring_up(stack)
    eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    before = asking.runs(stack, machines)
    containers = {machine: stack.container(machine) for machine in machines}
    settings = stack.program / f"Pulumi.{stack.name}.yaml"
    chosen = settings.read_text()
    shutil.rmtree(stack.program)
    copy_program(stack.program)
    settings.write_text(chosen)
    restarts = set(re.findall(r"(\S+\.service): .*restart", stack.preview().text))
    made_anew = machines.keys() & stack.changes().keys()
    with Load(stack.outputs()["url"]) as load:
        stack.up()
        eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    assert {name for name in machines if stack.container(name) != containers[name]} == made_anew
    moved = {template_of(unit) for _, unit in changed(before, asking.runs(stack, machines))}
    assert moved == restarts or made_anew, moved
    assert stack.changes() == {}
    print(f"\nfrom {PREVIOUS} to this, {sorted(moved)} restarted: {load}")
    assert not load.failed, load.failed


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def fleetds(stack: Stack, machines: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The run of fleetd on each machine, and the version that it runs."""
    ask = "systemctl show --value --property=InvocationID fleetd; readlink /opt/fleet/running"
    return {machine: tuple(stack.on(machine, ask).out.split()) for machine in machines}


@pytest.mark.faults
def test_a_version_that_is_not_healthy_goes_back_and_stays_on_one_machine(stack: Stack):
    loop = copy_program(stack.program) / LOOP
    machines = bring_up(stack)
    eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    units, before = asking.runs(stack, machines), fleetds(stack, machines)
    (old,) = {version for _, version in before.values()}
    rewrite(loop, ROUND_ENDS, '        raise RuntimeError("every time")\n')
    with Load(stack.outputs()["url"]) as load:
        failed = stack.up(check=False)
    after = fleetds(stack, machines)
    assert failed.code != 0 and f"so {old} runs again. Units run on" in failed.text, failed.text
    assert "/healthz tells of: the round" in failed.text, failed.text
    assert after[FIRST] != before[FIRST] and after[FIRST][1] == old
    assert {**after, FIRST: before[FIRST]} == before, "the others were not touched"
    assert asking.runs(stack, machines) == units
    assert not load.failed, load.failed
    eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    rewrite(loop, '        raise RuntimeError("every time")\n', f"{ROUND_ENDS}# Mended.\n")
    stack.up()
    (new,) = {version for _, version in fleetds(stack, machines).values()}
    assert new != old
    assert {*stack.on(FIRST, "ls /opt/fleet").out.split()} == {new, "current", "running"}
    eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    assert asking.runs(stack, machines) == units
    assert stack.changes() == {}
