"""Snapshots of etcd: what `etcdctl snapshot save` writes. It ends in a SHA-256 of all before that.

`etcdutl snapshot status` looks whether the data can be read, and not at that digest.
"""

import hashlib
from pathlib import Path

DIGEST_BYTES = hashlib.sha256().digest_size
_PAGE_BYTES = 512
"""The database before the digest has a multiple of it; a snapshot cut short, seldom."""
_CHUNK_BYTES = 1 << 20


class SnapshotError(ValueError):
    """A snapshot cannot be used; the message says why, and what to do."""


def check(path: Path) -> int:
    """Check that a snapshot is whole: its size in bytes.

    Raises:
        SnapshotError: it is none, was cut short, or has other content than when it was taken.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size % _PAGE_BYTES != DIGEST_BYTES:
        raise SnapshotError(
            f"{path} is no whole snapshot of etcd: it has {size} bytes, and one has a multiple of "
            f"{_PAGE_BYTES}, and {DIGEST_BYTES} more with its digest. It was cut short, or is a "
            "file of etcd's data folder. Take another one, as fleetctl backup or etcdctl snapshot "
            "save writes it"
        )
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        left = size - DIGEST_BYTES
        while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
            digest.update(chunk)
            left -= len(chunk)
        if stream.read() != digest.digest():
            raise SnapshotError(
                f"{path} is damaged: its content is not what its digest says. Take another one"
            )
    return size
