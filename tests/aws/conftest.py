"""AWS's place for tests. A failing test shows what cloud-init and the machines said."""

import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fleet_cluster.providers.aws.load_balancer import DRAIN_SECONDS
from tests.aws import amazon
from tests.aws.amazon import Amazon
from tests.aws.balancer import SPEED
from tests.cluster.stack import Stack, copy_program
from tests.contract.moto import REGION

FORGET_SECONDS = 8
"""For the stand-in of the load balancer to see that a target is registered no more: moto, which it
asks, is busy while machines come and go."""
_running: list[Amazon] = []


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amazon]:
    """Amazon in a box."""
    with amazon.running(tmp_path_factory.mktemp("amazon")) as running:
        _running.append(running)
        yield running


@pytest.fixture(scope="module")
def cluster(cloud: Amazon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The program of this checkout on EC2, up with three machines; gone at the end."""
    with stack_on(cloud, tmp_path_factory.mktemp("cluster")) as stack:
        stack.up()
        yield stack


@contextmanager
def stack_on(cloud: Amazon, folder: Path) -> Generator[Stack]:
    """A stack whose machines have elastic addresses; destroyed at the end, nothing of it left."""
    before = cloud.moto.contents()
    program = copy_program(folder / "program")
    name = f"test-{secrets.token_hex(4)}"
    stack = Stack(name, program, folder / "state", dict(cloud.environment()))
    settings = {
        "provider": "aws",
        "aws:region": REGION,
        "vpc-id": cloud.vpc,
        "reconcile-interval": "3600",
        "allow-passphrase-file": "true",
        "drain-seconds": str(DRAIN_SECONDS // SPEED + FORGET_SECONDS),
    }
    stack.create(settings)
    # Whoever connects from this computer has the network's first address there.
    stack.configure_list("allow-ssh-from", [f"{cloud.internet[1]}/32", f"{cloud.addresses[1]}/32"])
    stack.configure_list("subnet-ids", cloud.subnets)
    try:
        yield stack
    finally:
        stack.destroy()
    assert cloud.moto.contents() == before
    assert cloud.machines() == []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """Add the machines' words to the report of what failed."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if report.failed:
        for one in _running:
            report.sections.append(("machines", one.complaints()))
