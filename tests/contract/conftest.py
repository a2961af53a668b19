from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import sshd
from tests.contract.harness import Project, require_engine


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty stack; whatever a test makes in it is destroyed after the test."""
    require_engine()
    made = Project(tmp_path)
    yield made
    made.destroy()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    """An SSH server that takes ALLOWED and what pulumi-command sets."""
    accepted = "ALLOWED PULUMI_COMMAND_STDOUT PULUMI_COMMAND_STDERR"
    folder = tmp_path_factory.mktemp("sshd")
    with sshd.running(folder, accept_env=accepted, kinds=sshd.KEY_TYPES) as running:
        yield running
