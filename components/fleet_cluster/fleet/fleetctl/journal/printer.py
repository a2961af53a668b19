"""Printing of merged entries: each line with its unit and machine before it."""

import sys
from collections.abc import Sequence

from ..cli.colour import coloured, is_coloured
from ..cli.output import raw, write
from ..remote.machines import Located
from .entry import JSON, Entry, as_json, lines


class Printer:
    """A printer of entries of these units on these machines."""

    def __init__(self, located: Sequence[Located], output: str) -> None:
        """`output`: one of `FORMATS`."""
        self._output = output
        self._to = raw(sys.stdout)
        self._is_coloured = is_coloured(self._to)
        self._prefixes: dict[tuple[str, str], str] = {}
        unit_width = max(len(found.unit) for found in located)
        name_width = max(len(found.machine.hostname) for found in located)
        for found in located:
            words = f"{found.unit:{unit_width}}  {found.machine.hostname:{name_width}}"
            self._add((found.unit, found.machine.id), words)

    def print(self, entry: Entry) -> None:
        """Print an entry."""
        if self._output == JSON:
            write(as_json(entry).encode() + b"\n", self._to)
            return
        prefix = self._prefixes[entry.unit, entry.machine.id]
        for line in lines(entry, self._output):
            write(line + b"\n", self._to, prefix)

    def _add(self, key: tuple[str, str], words: str) -> None:
        if key not in self._prefixes:
            shown = coloured(words, len(self._prefixes)) if self._is_coloured else words
            self._prefixes[key] = f"{shown} | "
