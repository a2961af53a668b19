"""A small file that outlives fleetd, but not the machine's boot."""

import os
from pathlib import Path
from typing import Protocol


class StateFile(Protocol):
    """A state file: a text that is kept."""

    crowded: str
    """Why it was last saved in a way that leaves no room for more, in words; empty otherwise."""

    def load(self) -> str:
        """The text, empty when there is none."""
        ...

    def save(self, text: str) -> None:
        """Replace it: after a crash it is the old text or the new one.

        Raises:
            OSError: it could not be saved; the old text is there.
        """
        ...


class DiskFile:
    """A `StateFile` on disk. It keeps some room there, for when the disk is full."""

    def __init__(self, path: Path) -> None:
        """The directory is made when something is saved."""
        self.crowded = ""
        self._path = path
        self._spare = path.with_suffix(".spare")

    def load(self) -> str:
        """See `StateFile.load`."""
        return self._path.read_text() if self._path.exists() else ""

    def save(self, text: str) -> None:
        """See `StateFile.save`."""
        draft = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text)
            draft.replace(self._path)
            self.crowded = ""
        except OSError as error:
            draft.unlink(missing_ok=True)  # It may hold the last free space.
            if not (self._use_spare(text.encode()) or overwrite(self._path, text)):
                raise
            self.crowded = str(error)
        self._keep_spare(len(text.encode()))

    def _use_spare(self, content: bytes) -> bool:
        """Write into the room that is kept, and take it in the place of the file."""
        try:
            with self._spare.open("r+b", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size < len(content) or file.write(content) != len(content):
                    return False
                file.truncate()
            self._spare.replace(self._path)
        except OSError:
            return False
        return True

    def _keep_spare(self, needed: int) -> None:
        """Keep room for the next text; the one that was replaced has just left as much."""
        pages = needed // PAGE + 1
        for size in (2 * pages * PAGE, pages * PAGE):
            try:
                if not self._spare.exists() or self._spare.stat().st_size < needed:
                    self._spare.write_bytes(b"\n" * size)
                return
            except OSError:
                self._spare.unlink(missing_ok=True)


PAGE = 4096
"""A file that is not empty has so many bytes on its disk, however full that is."""


def overwrite(path: Path, text: str) -> bool:
    """Put a short text in the place of a file's: what a full disk still allows.

    It is written at once, in one page, and filled up with line ends; so a crash does not halve it.

    Returns:
        Whether it could be done.
    """
    content = text.encode()
    try:
        with path.open("r+b", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0 or max(size, len(content)) > PAGE:
                return False
            file.write(content.ljust(size, b"\n"))
    except OSError:
        return False
    return True
