"""Calendar of backups: how long it takes from one to the next, as systemd reads the text."""

import os
import re
import subprocess
from datetime import UTC, datetime
from itertools import pairwise

ITERATIONS = 8
SECONDS = 10.0
_ELAPSE = re.compile(r"^ *(?:Next elapse|Iter\. #\d+): \w+ ([\d-]+ [\d:]+) UTC$", re.MULTILINE)


def interval(calendar: str) -> float:
    """The most seconds between two of the next times; 0 if systemd does not say."""
    words = ("systemd-analyze", "calendar", f"--iterations={ITERATIONS}", "--", calendar)
    env = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        asked = subprocess.run(
            words, env=env, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0.0  # Then nobody is told that one is late.
    return longest(asked.stdout)


def longest(told: str) -> float:
    """The same, of what `systemd-analyze calendar` prints (pure)."""
    times = [
        datetime.strptime(one, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
        for one in _ELAPSE.findall(told)
    ]
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
