"""etcd's release as one file: what Pulumi copies to each machine, beside fleet's software."""

import hashlib
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.request import urlopen

import pulumi

from ._bundle import cache

VERSION = "3.6.16"
"""Another one reaches a cluster that is up member by member, one minor version at a time."""
SHA256: dict[str, str] = {}
"""What is known of that version's archives, by processor, beside what the release itself lists."""
RELEASES = "https://github.com/etcd-io/etcd/releases/download"
SECONDS = 20.0
"""How long the site may be silent."""


def etcd_archive(processor: str, version: str = VERSION) -> Path:
    """The official release for a processor (amd64, arm64), in the user's cache.

    It is where the set-up of a checkout has put it, or whoever has no way to the site; else it is
    downloaded, and compared with the SHA-256 that the release says, and with the pinned one.

    Raises:
        pulumi.RunError: it cannot be had; with the next step.
    """
    path = cache() / "etcd" / f"etcd-v{version}-linux-{processor}.tar.gz"
    if not path.exists():
        url = f"{RELEASES}/v{version}"
        try:
            content = _download(f"{url}/{path.name}", f"{url}/SHA256SUMS")
            _compare(content, SHA256.get(processor, "") if version == VERSION else "")
        except (OSError, HTTPException, ValueError) as error:
            raise pulumi.RunError(
                f"etcd {version} for the machines' processor ({processor}) is not here, and does "
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
    if (
        f"{hashlib.sha256(content).hexdigest()}  {url.rpartition('/')[2]}"
        not in listed.splitlines()
    ):
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
