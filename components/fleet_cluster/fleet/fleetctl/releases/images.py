"""Images that a unit file names (pure): what docker and podman are to run by it."""

import re
from collections.abc import Iterator

_ENGINE = re.compile(r"(?:\S*/)?(?:docker|podman)")
_MAKES = ("run", "create", "pull")
_IMAGE = re.compile(
    r"(?:[a-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9._/-]*[a-z0-9](?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)
_ALONE = frozenset(
    {
        *("-d", "-i", "-t", "-q", "-P", "--detach", "--interactive", "--tty", "--quiet"),
        *("--disable-content-trust", "--env-host", "--http-proxy", "--init", "--no-healthcheck"),
        *("--no-hosts", "--oom-kill-disable", "--privileged", "--publish-all", "--read-only"),
        *("--replace", "--rm", "--rmi", "--sig-proxy", "--tls-verify"),
    }
)
"""Options of theirs that take no value, or one after `=` only."""


def images_in(text: str) -> list[str]:
    """The images that a unit file makes containers of, each once, in order."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return list(dict.fromkeys(image for line in lines for image in _of_line(line)))


def _of_line(line: str) -> Iterator[str]:
    key, _, value = line.partition("=")
    if key.startswith("Exec") and key != "Exec":
        yield from _of_command(value)
    elif key.strip() == "Image" and _IMAGE.fullmatch(value.strip()):
        yield value.strip()


def _of_command(command: str) -> Iterator[str]:
    words = command.translate(str.maketrans("", "", "'\"")).split()
    for number, word in enumerate(words[:-1]):
        if _ENGINE.fullmatch(word.lstrip("-@:+!|")) and words[number + 1] in _MAKES:
            yield from _first_image(words[number + 2 :])


def _first_image(words: list[str]) -> list[str]:
    """The first word that is no option, no value of one, and may be an image's name."""
    is_value = False
    for word in words:
        if not is_value and not word.startswith("-") and _IMAGE.fullmatch(word):
            return [word]
        is_value = takes_next(word) and not is_value
    return []


def takes_next(word: str) -> bool:
    """Whether the next word is the value of this one, an option of docker's or podman's."""
    is_short = re.fullmatch("-[ditqP]+", word) is not None
    return word.startswith("-") and "=" not in word and word not in _ALONE and not is_short
