"""An agent on one machine, for the tests of its parts."""

import pytest

from tests.unit.fleet.agents import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
