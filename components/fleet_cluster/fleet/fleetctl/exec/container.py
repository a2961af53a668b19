"""Containers of a unit, told by what runs in its cgroup (pure)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ..releases.images import takes_next

DOCKER, PODMAN = "docker", "podman"

_PAYLOAD = re.compile(r"libpod-payload-([0-9a-f]{64})")
"""The cgroup of a container that Podman has split off its unit's, as quadlets have it."""
_ATTACHES = ("start", "attach")
_VERBS = ("run", *_ATTACHES)
"""Commands of docker and podman that stay while a container runs."""


@dataclass(frozen=True)
class Container:
    """Container of an engine; without a name when it has one that its client does not tell."""

    engine: str
    name: str
    """What the engine knows it by: a name, or an id."""


def containers(groups: Iterable[str], commands: Iterable[Sequence[str]]) -> list[Container]:
    """The containers of a unit, each once.

    Args:
        groups: the names of the cgroups within its own.
        commands: the command lines of its processes, those of no container.
    """
    payloads = [Container(PODMAN, found[1]) for one in groups if (found := _PAYLOAD.fullmatch(one))]
    if payloads:
        return list(dict.fromkeys(payloads))
    clients = [found for words in commands if (found := _container_of(words))]
    return list(dict.fromkeys(clients))


def _container_of(words: Sequence[str]) -> Container | None:
    """The container that a process stands for: as its client, or as Podman's conmon."""
    program = PurePath(words[0]).name if words else ""
    if program == "conmon":
        return Container(PODMAN, _value("--cid", "-c", words))
    verb = next((word for word in words[1:] if word in _VERBS), "")
    if program not in (DOCKER, PODMAN) or not verb:
        return None
    rest = words[words.index(verb, 1) + 1 :]
    return Container(program, rest[-1] if verb in _ATTACHES and rest else _given_name(rest))


def _value(long: str, short: str, words: Sequence[str]) -> str:
    pairs = zip(words, words[1:], strict=False)
    return next((value for option, value in pairs if option in (long, short)), "")


def _given_name(words: Sequence[str]) -> str:
    """What `run` is told to call it: before the image, whose command may say anything."""
    option = ""
    for word in words:
        if word.startswith("--name="):
            return word.partition("=")[2]
        if word.startswith("-"):
            option = word if takes_next(word) else ""
        elif option:
            if option == "--name":
                return word
            option = ""
        else:
            return ""
    return ""
