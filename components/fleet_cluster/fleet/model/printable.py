"""Printable text: what is written by others is checked, or escaped, before a terminal sees it."""

import re

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ADDRESS = re.compile(r"([A-Za-z0-9:][A-Za-z0-9_.:-]{0,252})?")
_HOST_NAME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,252})?")


def printable(text: str, layout: str = "") -> str:
    r"""The text with control characters, and whatever else cannot be seen, escaped: `\x1b`.

    `layout`: characters that are left as they are, such as line ends.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in layout else _escaped(one) for one in text)


def check_id(id: str) -> None:
    """Refuse an id that cannot be a machine's: it becomes part of keys, and words of commands.

    Raises:
        ValueError: says what is allowed.
    """
    _check(_ID, "machine's id", id, "1 to 64 letters, digits and _ . -")


def check_address(address: str) -> None:
    """Refuse an address that ssh could take for anything else; empty is none.

    Raises:
        ValueError: says what is allowed.
    """
    _check(_ADDRESS, "machine's address", address, "an IP address or a name: letters, digits : . -")


def check_host_name(name: str) -> None:
    """Refuse a host name that ssh could take for anything else; empty is none.

    Raises:
        ValueError: says what is allowed.
    """
    _check(_HOST_NAME, "machine's host name", name, "letters, digits and _ . -")


def _check(pattern: re.Pattern[str], what: str, given: str, allowed: str) -> None:
    if not pattern.fullmatch(given):
        raise ValueError(f"{given[:80]!r} is no {what}; allowed: {allowed}, and no - before them")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()
