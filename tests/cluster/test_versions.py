"""A newer version of fleet reaches a cluster that is up, under load."""

from pathlib import Path

import pytest

from tests.checkout import CHECKOUT
from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually
from tests.cluster.test_etcd_version import bring_to, bring_up, program_of, stack

PREVIOUS = "89d13b6"
"""The last commit of the release before."""
__all__ = ["stack"]


@pytest.mark.faults
def test_from_the_previous_release_no_unit_and_no_request_notices(stack: Stack, tmp_path: Path):
    program_of(PREVIOUS, stack.program)
    machines = bring_up(stack)
    before = asking.runs(stack, machines)
    containers = {machine: stack.container(machine) for machine in machines}
    bring_to(CHECKOUT, stack.program)
    with Load(stack.outputs()["url"]) as load:
        stack.up()
        eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 120)
    assert asking.runs(stack, machines) == before
    assert {machine: stack.container(machine) for machine in machines} == containers
    assert stack.changes() == {}
    print(f"\nfrom {PREVIOUS} to this: {load}")
    assert not load.failed, load.failed
