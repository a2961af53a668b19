"""The record of a run: every fault and every check, as it happens."""

import time
from pathlib import Path


class Record:
    """A text file, and standard output."""

    def __init__(self, path: Path) -> None:
        """Begins a new file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.broken: list[str] = []
        self._file = path.open("w")
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Since the record was begun."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """A line, with the time since the beginning."""
        line = f"{self.seconds():7.1f} s  {text}"
        print(line, flush=True)
        self._file.write(line + "\n")
        self._file.flush()

    def check(self, promise: str, wrong: list[str]) -> None:
        """A check's outcome."""
        if not wrong:
            self.say(f"    held    {promise}")
        for what in wrong:
            self.say(f"    BROKEN  {promise}: {what}")
            self.broken.append(what)

    def close(self) -> None:
        """No more lines."""
        self._file.close()
