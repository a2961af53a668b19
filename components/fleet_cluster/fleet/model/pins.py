"""Pins: which version of each secret a unit's file is given with (pure).

A file in the cluster ends with a comment that names them. So a unit that gets another version gets
another file, and whatever fleet does with files, in batches, with a canary, or back, it does with
secrets. A checksum among a pod's annotations does the same in Kubernetes.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from ..unitfiles.names import UnitFileError
from ..unitfiles.syntax import Directive, read
from .secrets import is_secret_name

SOCKET = "/run/fleet/credentials"
"""Where systemd asks for the secrets of a unit."""
_PINS = re.compile(r"\n# fleet: secrets((?: [A-Za-z0-9_.-]+=[0-9]+-[0-9a-f]{4})+)\n?\Z")


def credentials(file: str, text: str) -> list[tuple[Directive, str, str]]:
    """The lines of a file that load credentials: each with the credential and where it is.

    Raises:
        UnitFileError: the file cannot be read.
    """
    syntax = read(file, text)
    keys = ("LoadCredential", "LoadCredentialEncrypted")
    found = [
        line
        for section in dict.fromkeys(section.name for section in syntax.sections)
        for key in keys
        for line in syntax.values(section, key)
    ]
    parts = [(line, *line.value.partition(":")) for line in found]
    return [(line, id, path) for line, id, _, path in parts]


@lru_cache(20_000)
def secrets_of(text: str) -> tuple[str, ...]:
    """The secrets that a unit file names, each once; none of a file that cannot be read.

    What cannot be a secret's name is refused in its line, and never missing.
    """
    if SOCKET not in text:
        return ()
    try:
        found = credentials("", text)
    except UnitFileError:
        return ()
    return tuple(
        dict.fromkeys(id for _, id, path in found if path == SOCKET and is_secret_name(id))
    )


def pins_of(text: str) -> dict[str, str]:
    """The versions of secrets that a file is given with, by name."""
    found = _PINS.search(text)
    pairs = found[1].split() if found else []
    return dict(pair.split("=") for pair in pairs)


def unpinned(text: str) -> str:
    """The file as somebody wrote it."""
    return _PINS.sub("", text)


def pinned(text: str, versions: Mapping[str, str]) -> str:
    """The file with the versions of those secrets that it names, as far as there are any."""
    bare = unpinned(text)
    pairs = [f"{name}={versions[name]}" for name in secrets_of(bare) if name in versions]
    return f"{bare}\n# fleet: secrets {' '.join(pairs)}" if pairs else bare
