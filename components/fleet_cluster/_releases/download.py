"""Releases of others as files: downloaded once, and compared with what is known of them."""

import hashlib
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.request import urlopen

import pulumi

SECONDS = 20.0
"""How long the site may be silent."""


def fetch(path: Path, url: str, sums: str, pinned: str, what: str, processor: str) -> Path:
    """The official release at `path`, in the user's cache.

    It is where the set-up of a checkout has put it, or whoever has no way to the site; else it is
    downloaded, and compared with the SHA-256 that the release says, and with the pinned one.

    Args:
        path: where it is to be.
        url: the folder of the release that has the file.
        sums: the file beside it that lists SHA-256.
        pinned: what is known of its SHA-256; empty if nothing is.
        what: its name and version, for people.
        processor: the machines'.

    Raises:
        pulumi.RunError: it cannot be had; with the next step.
    """
    if path.exists():
        return path
    try:
        content = _download(f"{url}/{path.name}", f"{url}/{sums}")
        _compare(content, pinned)
    except (OSError, HTTPException, ValueError) as error:
        raise pulumi.RunError(
            f"{what} for the machines' processor ({processor}) is not here, and does "
            f"not come from {url}: {error}. Next step: put {path.name} of that release into "
            f"{path.parent}, or, in a checkout: make setup PROCESSORS={processor}"
        ) from error
    _write(path, content)
    return path


def _download(url: str, sums: str) -> bytes:
    """The file.

    Raises:
        OSError, HTTPException: it does not come.
        ValueError: it is not what the list of checksums says.
    """
    content, listed = _get(url), _get(sums).decode()
    line = f"{hashlib.sha256(content).hexdigest()}  {url.rpartition('/')[2]}"
    if line not in listed.splitlines():
        raise ValueError(f"it has another SHA-256 than {sums} says")
    return content


def _compare(content: bytes, pinned: str) -> None:
    """See that it is what is known, if that is known: a release can be put up again.

    Raises:
        ValueError: it is not.
    """
    if pinned and hashlib.sha256(content).hexdigest() != pinned:
        raise ValueError(f"it has another SHA-256 than the pinned one, {pinned}")


def _get(url: str) -> bytes:
    with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310
        return answer.read()


def _write(path: Path, content: bytes) -> None:
    """At once: another program may be looking for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as new:
        new.write(content)
    Path(new.name).replace(path)
