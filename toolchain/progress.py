"""Pulumi's output without a row for each line that a plugin says.

Where there is no terminal, `pulumi up` prints a row when a resource begins, when it is done, and
whenever its plugin says something: of an image that is built, all that apt says. This reads that
output, keeps it whole in a log, and shows a row for each resource that is done, with its seconds;
of one that failed, also the last that it said; and when there was nothing to show for a while, the
rows of what is worked on. All else, like the diagnostics at the end, is shown as it is.

Usage: pulumi up --non-interactive --suppress-progress ... | python -X utf8 progress.py LOG
"""

import queue
import re
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import BinaryIO

PAUSE = 30.0
"""Seconds without a line until what is worked on is shown."""
STILL = 3
"""How many resources that are worked on are shown."""
SAID = 15
"""How many lines of a failed resource are shown, as of a tool that the set-up cannot get."""

ROW = re.compile(
    r" (?P<mark>\S{1,2}) +(?P<resource>(?P<type>[^\s:]+:[^\s:]*:\S+) \S+) "
    r"(?P<status>\*\*[a-z ]+\*\*|[a-z]+(?: [a-z]+)?(?: \(interrupted\))?)"
    r"(?: \((?P<seconds>[\d.]+)s\))?"
    r"(?P<flags>(?:\[retain\])?(?: \[diff: [^\]]*\])?)(?:; | |$)(?P<said>.*)"
)
NOTE = re.compile(r" {4}[^\s:]+:[^\s:]*:\S+ \S+ ")
"""Begins a row of a resource that is not changed. What it says is among the diagnostics, too."""
END_OF_ROWS = ("Diagnostics:", "Outputs:", "Resources:")
DIAGNOSTIC = ("error: ", "warning: ")
"""Begins what Pulumi shows at the end."""
GROUPS = ("pulumi:pulumi:Stack", "fleet-cluster:")
"""How the types of components begin: what they are made of has rows of its own."""


@dataclass
class Work:
    """A resource that is worked on."""

    row: re.Match[str]
    """Its latest row."""
    since: float
    said: deque[str] = field(default_factory=lambda: deque[str](maxlen=SAID))

    def take(self, row: re.Match[str]) -> None:
        """Takes its next row, which repeats what was said last if nothing new was."""
        self.row = row
        said = row["said"]
        if said and not said.startswith(DIAGNOSTIC) and said not in list(self.said)[-1:]:
            self.said.append(said)

    @property
    def failed(self) -> bool:
        """Whether Pulumi says so."""
        return self.row["status"].startswith("**")

    @property
    def done(self) -> bool:
        """Whether nothing more is done about it."""
        status = self.row["status"]
        ended = self.failed or status.endswith("(interrupted)")
        return ended or not status.split()[0].endswith("ing")

    def shown(self, now: float) -> str:
        """Its row, with the seconds so far where it has none or they go on."""
        row = self.row
        seconds = (self.done and row["seconds"]) or f"{now - self.since:.0f}"
        return f" {row['mark']:2} {row['resource']} {row['status']} ({seconds}s){row['flags']}"


class Progress:
    """A choice of lines. Times are seconds of any clock."""

    def __init__(self, now: float) -> None:
        """Starts with nothing to show."""
        self._shown = now
        self._work: dict[tuple[str, str], Work] = {}
        self._ended = False

    def take(self, line: str, now: float) -> list[str]:
        """Lines to show, now that Pulumi has printed `line`."""
        self._ended = self._ended or line in END_OF_ROWS
        row = None if self._ended else ROW.fullmatch(line)
        if row:
            lines = self._of_row(row, now)
        else:
            lines = [] if not self._ended and NOTE.match(line) else [line]
        return self._show(lines, now) or self.wait(now)

    def wait(self, now: float) -> list[str]:
        """Lines to show when there was none for a while: of those that have taken longest."""
        if self._ended or now - self._shown < PAUSE:
            return []
        working = list(self._work.values())
        lines = [" ".join([work.shown(now), *list(work.said)[-1:]]) for work in working[:STILL]]
        if len(working) > STILL:
            lines.append(f"    and {len(working) - STILL} more")
        return self._show(lines, now)

    def _of_row(self, row: re.Match[str], now: float) -> list[str]:
        if row["type"].startswith(GROUPS):
            return []
        key = (row["mark"], row["resource"])
        work = self._work.setdefault(key, Work(row, now))
        work.take(row)
        if not work.done:
            return []
        del self._work[key]
        return [work.shown(now), *(f"    {line}" for line in work.said if work.failed)]

    def _show(self, lines: list[str], now: float) -> list[str]:
        if lines:
            self._shown = now
        return lines


def timed(lines: Iterable[str]) -> Iterator[str | None]:
    """Each line when it comes, and None when none has come for a second."""
    came: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in lines:
            came.put(line.removesuffix("\n"))
        came.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = came.get(timeout=1)
        except queue.Empty:
            yield None
        else:
            if line is None:
                return
            yield line


def kept(line: str, log: BinaryIO) -> bool:
    """Whether a line was kept; a full disk is no reason to end Pulumi in the middle of its work."""
    try:
        log.write(line.encode(errors="surrogateescape") + b"\n")
    except OSError as error:
        print(f"  the log is not written any more: {error}", flush=True)
        return False
    return True


def main(log: str) -> None:
    """Reads standard input to its end. Pulumi alone decides what an interrupt ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    progress = Progress(monotonic())
    with Path(log).open("wb", buffering=0) as file:
        keeps = True
        for line in timed(sys.stdin):
            keeps = keeps and (line is None or kept(line, file))
            now = monotonic()
            for shown in progress.wait(now) if line is None else progress.take(line, now):
                print(shown, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
