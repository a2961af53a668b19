"""Real clusters on this computer, made by the real engine. Each test run has stacks of its own."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from .stack import Stack, copy_program, free_port


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
        yield stack
    finally:
        stack.destroy()
        assert stack_left_nothing(stack)


def stack_left_nothing(stack: Stack) -> bool:
    """Whether Docker has forgotten the stack."""
    return stack.docker_objects() == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What breaks machines comes last: a cluster tells for a while what a lost machine said."""
    items.sort(key=lambda item: "test_faults" in item.nodeid)
