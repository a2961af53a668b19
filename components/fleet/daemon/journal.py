"""The last journal lines of units that failed, short enough to be kept in etcd."""

import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

LINES = 8
COLUMNS = 200
SECONDS = 3.0
"""How long journalctl has; on a slow disk a report without lines is better than none."""
AT_ONCE = 8


def last_lines(names: Iterable[str]) -> dict[str, str]:
    """The last lines of each unit's journal; why not, where they cannot be read."""
    names = list(names)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(names, pool.map(_last_lines_of, names), strict=True))


def _last_lines_of(name: str) -> str:
    command = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={LINES}"]
    try:
        answer = subprocess.run(
            [*command, f"--unit={name}"], capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"its journal cannot be read: {error}"
    return excerpt(answer.stdout.decode(errors="replace"))


def excerpt(text: str) -> str:
    """The last few lines, none too long, nothing in them that a terminal would obey."""
    lines = [line for line in text.splitlines() if line.strip()][-LINES:]
    return "\n".join(_printable(line) for line in lines)


def _printable(line: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in line)
    return shown if len(shown) <= COLUMNS else shown[: COLUMNS - 3] + "..."
