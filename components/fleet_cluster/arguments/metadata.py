"""Metadata of machines, as a program gives them and as the library adds to them."""

import re
from collections.abc import Mapping, Sequence

from ..errors import not_allowed

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
