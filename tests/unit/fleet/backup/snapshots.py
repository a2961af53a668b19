"""Snapshots as etcd writes them: content, then its SHA-256."""

import hashlib


def snapshot(content: bytes = b"etcd") -> bytes:
    """A whole one."""
    pages = content.ljust(1024, b"\0")
    return pages + hashlib.sha256(pages).digest()
