"""YAML in block style, of what JSON can say (pure).

Machines, where commands print, have no library that writes it, and this is all that is needed:
which values are words that need no quotation marks, and how far lines are indented.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

_WORD = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*")
_NO_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that are no text to YAML, whatever their case."""
_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


def block(value: Any) -> str:
    """The value, which JSON could say too, in lines with their ends.

    What is text has quotation marks unless it is a plain word, in ASCII, with JSON's escapes.
    """
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        pairs = cast(Mapping[Any, Any], value).items()
        return [line for key, inner in pairs for line in _entry(f"{_text(str(key))}:", inner)]
    if isinstance(value, list | tuple) and value:
        items = [_lines(inner) for inner in cast(Sequence[Any], value)]
        return [f"{'  ' if n else '- '}{line}" for lines in items for n, line in enumerate(lines)]
    return [_scalar(value)]


def _entry(key: str, value: Any) -> list[str]:
    lines = _lines(value)
    if isinstance(value, Mapping | list | tuple) and value:
        return [key, *(f"  {line}" for line in lines)]
    return [f"{key} {lines[0]}"]


def _scalar(value: Any) -> str:
    """One that has no lines of its own; empty lists and objects are as in JSON."""
    if isinstance(value, str):
        return _text(value)
    text = json.dumps(value)
    # Without a point, 1e-05 would be text.
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text


def _text(text: str) -> str:
    if _WORD.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return _PAIR.sub(_as_one, json.dumps(text))


def _as_one(pair: re.Match[str]) -> str:
    """JSON writes a letter beyond the first 65,536 as two halves, which YAML does not know."""
    letter = b"".join(bytes.fromhex(half) for half in pair.groups()).decode("utf-16-be")
    return f"\\U{ord(letter):08x}"
