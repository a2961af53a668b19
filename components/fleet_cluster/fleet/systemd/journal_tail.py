"""The journal tail of units that failed, short enough to be kept in etcd."""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

READ = 200
"""Lines that are looked at: what repeats itself counts as one of those that are shown."""
LINES = 12
"""Lines that are shown; systemd and a unit's own clean-up add some to the words that matter."""
COLUMNS = 200
SECONDS = 3.0
"""How long journalctl has; on a slow disk a report without lines is better than none."""
AT_ONCE = 8


def last_lines(since: Mapping[str, float]) -> dict[str, str]:
    """The last lines of each unit's journal; why not, where they cannot be read.

    `since`: by unit, from when on: seconds since 1970, 0 for all.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(since, pool.map(_last_lines_of, since.items()), strict=True))


def _last_lines_of(unit: tuple[str, float]) -> str:
    try:
        answer = subprocess.run(command(*unit), capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"its journal cannot be read: {error}"
    return excerpt(answer.stdout.decode(errors="replace"))


def command(name: str, since: float) -> list[str]:
    """The command that reads them. An earlier unit of that name has lines in the journal too."""
    asked = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={READ}"]
    return [*asked, f"--unit={name}", *([f"--since=@{since:.6f}"] if since else [])]


def excerpt(text: str) -> str:
    """The last few lines, each once, none too long, with nothing that a terminal would obey."""
    lines = [line for line in text.splitlines() if line.strip()]
    shown = [_once(line, len(list(same))) for line, same in groupby(lines)]
    return "\n".join(_printable(line) for line in shown[-LINES:])


def _once(line: str, times: int) -> str:
    return line if times == 1 else f"({times} times) {line}"


def _printable(line: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in line)
    return shown if len(shown) <= COLUMNS else shown[: COLUMNS - 3] + "..."
