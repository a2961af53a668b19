"""Colours of lines, for terminals only."""

import os
from typing import TextIO

_CODES = (36, 33, 32, 35, 34, 31)
"""Of the terminal's own palette: cyan, yellow, green, magenta, blue, red."""


def is_coloured(to: TextIO) -> bool:
    """Whether what is printed there is to have colours: not where NO_COLOR says no."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return to.isatty() and not is_plain


def coloured(text: str, number: int) -> str:
    """The text in the colour of that number; after the last, they begin again."""
    return f"\x1b[{_CODES[number % len(_CODES)]}m{text}\x1b[0m"
