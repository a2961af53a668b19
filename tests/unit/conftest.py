import os

from hypothesis import HealthCheck, settings

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
