from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.harness import Project, require_engine
from tests.contract.moto import Moto, running


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with running(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def cloud(moto_server: Moto) -> Iterator[Moto]:
    """AWS, as moto has it; when the test's stack is destroyed, nothing of it is left."""
    before = moto_server.contents()
    yield moto_server
    assert moto_server.contents() == before


@pytest.fixture
def project(cloud: Moto, tmp_path: Path) -> Iterator[Project]:
    require_engine()
    made = Project(tmp_path)
    yield made
    made.destroy()
