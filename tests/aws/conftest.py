"""AWS's place for tests. A failing test shows what cloud-init and the machines said."""

import secrets
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws import amazon
from tests.aws.amazon import Amazon
from tests.cluster.stack import Stack, copy_program
from tests.contract.moto import REGION

_running: list[Amazon] = []


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amazon]:
    """Amazon in a box."""
    with amazon.running(tmp_path_factory.mktemp("amazon")) as running:
        _running.append(running)
        yield running


@pytest.fixture(scope="session")
def cluster(cloud: Amazon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The program of this checkout on EC2, up with three machines; gone at the end."""
    folder: Path = tmp_path_factory.mktemp("cluster")
    program = copy_program(folder / "program")
    name = f"test-{secrets.token_hex(4)}"
    stack = Stack(name, program, folder / "state", dict(cloud.environment()))
    stack.create(
        {
            "provider": "aws",
            "aws:region": REGION,
            "vpc-id": cloud.vpc,
            "connect-through": "private",
            "reconcile-interval": "3600",
        }
    )
    for number, subnet in enumerate(cloud.subnets):
        stack.run("pulumi", "config", "set", "--path", f"subnet-ids[{number}]", subnet)
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """Add the machines' words to the report of what failed."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if report.failed:
        for one in _running:
            report.sections.append(("machines", one.complaints()))
