"""Real clusters on this computer, made by the real engine. Each test run has stacks of its own."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import asking
from tests.cluster.mending import mend
from tests.cluster.stack import Stack, copy_program, eventually, free_port

_shared: list[Stack] = []
"""The cluster that tests share, once it is up."""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The program of this checkout, up with three machines; gone at the end, whatever happened.

    The full reconcile is an hour away: whatever a test sees happened by watches alone.
    """
    folder: Path = tmp_path_factory.mktemp("cluster")
    program = copy_program(folder / "program")
    stack = Stack(f"test-{secrets.token_hex(4)}", program, folder / "state")
    stack.create({"load-balancer-port": str(free_port()), "reconcile-interval": "3600"})
    try:
        stack.up()
        _shared.append(stack)
        yield stack
    finally:
        stack.destroy()
        assert stack_left_nothing(stack)


def stack_left_nothing(stack: Stack) -> bool:
    """Whether Docker has forgotten the stack."""
    return stack.docker_objects() == []


@pytest.fixture(scope="module", autouse=True)
def mended(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a file with a test that failed, the next one finds the shared cluster as it was."""
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        for stack in _shared:
            mend(stack)


@pytest.fixture(scope="session")
def machines(cluster: Stack) -> dict[str, str]:
    """The machines' addresses by name, which never change."""
    return cluster.outputs()["machines"]


@pytest.fixture(scope="session")
def url(cluster: Stack) -> str:
    """Where the app answers."""
    return cluster.outputs()["url"]


@pytest.fixture
def undisturbed(cluster: Stack, machines: dict[str, str]) -> Iterator[None]:
    """Whatever the test does, no unit restarts or moves; afterwards the cluster still works."""
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    before = asking.runs(cluster, machines)
    yield
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    assert asking.runs(cluster, machines) == before
    starts_a_unit(cluster)
    assert asking.runs(cluster, machines) == before


def starts_a_unit(cluster: Stack) -> None:
    """A unit can be started, runs, and can be destroyed."""
    unit = cluster.program / "probe.service"
    unit.write_text("[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nHealthySec=0\n")
    cluster.fleetctl("start", str(unit))
    try:
        assert [row["active"] for row in cluster.units()[unit.name]] == ["active"]
    finally:
        cluster.fleetctl("destroy", unit.name)
    assert unit.name not in cluster.units()


LONGEST = ("test_faults.py", "test_walkthrough.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that processes side by side end at about the same time."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
