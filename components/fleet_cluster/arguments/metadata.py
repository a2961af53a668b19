"""Metadata of machines, as a program gives them and as the library adds to them."""

import re
from collections.abc import Collection, Mapping, Sequence

from ..errors import InputError, not_allowed

METADATA_PAIR = re.compile(r"[A-Za-z0-9_.-]+=[^\s,=]+")


def machine_metadata(given: Sequence[Mapping[str, str]], size: int) -> list[Mapping[str, str]]:
    """Metadata of each machine in order; machines without an entry have none.

    Raises:
        InputError: there are too many, or a pair cannot be written.
    """
    if len(given) > size:
        raise not_allowed("metadata", list(given), f"at most {size} entries, one a machine")
    for number, entry in enumerate(given):
        if not all(METADATA_PAIR.fullmatch("=".join(pair)) for pair in entry.items()):
            allowed = "keys and values without space, comma or ="
            raise not_allowed(f"metadata[{number}]", dict(entry), allowed)
    none: Mapping[str, str] = {}
    return list(given) + [none] * (size - len(given))


def marked(
    metadata: Sequence[Mapping[str, str]], mark: Mapping[str, str], on: Collection[int], where: str
) -> list[Mapping[str, str]]:
    """Metadata of machines with a mark of the library's, which its units ask for.

    Args:
        metadata: of each machine in order.
        mark: what is added.
        on: the machines that get it, the first is 0.
        where: the mark is the library's, like "where backups are taken".

    Raises:
        InputError: its key is there already.
    """
    for number, entry in enumerate(metadata):
        if taken := entry.keys() & mark.keys():
            reason = f"the key {min(taken)} is the library's {where}; use another one"
            raise InputError(f"metadata[{number}]", reason)
    return [{**entry, **mark} if number in on else entry for number, entry in enumerate(metadata)]
