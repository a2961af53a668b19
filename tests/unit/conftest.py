import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.signals import handlers, put_back

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
"""So many random examples of each property; otherwise the same ones each time, so that a change is
not refused for what it has not changed. `make properties` looks for more."""

# A test never fails because the computer is slow.
settings.register_profile(
    "any-pace",
    max_examples=EXAMPLES or 100,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any-pace")


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    """A test leaves this process' signals as they were, or it ends tests that come after it."""
    # With SIGALRM the runner of tests keeps their time.
    before = handlers(signal.valid_signals() - {signal.SIGALRM})
    yield
    assert not put_back(before)
