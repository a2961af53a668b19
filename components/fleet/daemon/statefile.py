"""A small file that outlives fleetd, but not the machine's boot."""

from pathlib import Path
from typing import Protocol


class StateFile(Protocol):
    """A text that is kept."""

    def load(self) -> str:
        """The text, empty when there is none."""
        ...

    def save(self, text: str) -> None:
        """Replace it: after a crash it is the old text or the new one."""
        ...


class DiskFile:
    """A `StateFile` on disk."""

    def __init__(self, path: Path) -> None:
        """The directory is made when something is saved."""
        self._path = path

    def load(self) -> str:
        """See `StateFile.load`."""
        return self._path.read_text() if self._path.exists() else ""

    def save(self, text: str) -> None:
        """See `StateFile.save`."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self._path)
