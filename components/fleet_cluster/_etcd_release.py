"""etcd's release as one file: what Pulumi copies to each machine, beside fleet's software."""

from pathlib import Path

from ._bundle import cache
from ._releases.download import fetch

VERSION = "3.6.16"
"""Another one reaches a cluster that is up member by member, one minor version at a time."""
SHA256: dict[str, str] = {}
"""What is known of that version's archives, by processor, beside what the release itself lists."""
RELEASES = "https://github.com/etcd-io/etcd/releases/download"


def etcd_archive(processor: str, version: str = VERSION) -> Path:
    """The official release for a processor (amd64, arm64), in the user's cache.

    Raises:
        pulumi.RunError: it cannot be had; with the next step.
    """
    path = cache() / "etcd" / f"etcd-v{version}-linux-{processor}.tar.gz"
    pinned = SHA256.get(processor, "") if version == VERSION else ""
    url = f"{RELEASES}/v{version}"
    return fetch(path, url, "SHA256SUMS", pinned, f"etcd {version}", processor)
