"""The kernel's files of a machine, as far as its counters are read."""

from collections.abc import Mapping
from pathlib import Path

ID = "ab" * 32


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
