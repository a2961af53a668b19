"""CoreDNS's release as one file: what Pulumi copies to each machine, beside fleet's software."""

from pathlib import Path

from .._bundle import cache
from .download import fetch

VERSION = "1.15.0"
SHA256: dict[str, str] = {}
"""What is known of that version's archives, by processor, beside what the release itself lists."""
RELEASES = "https://github.com/coredns/coredns/releases/download"


def coredns_archive(processor: str) -> Path:
    """The official release for a processor (amd64, arm64), in the user's cache.

    Raises:
        pulumi.RunError: it cannot be had; with the next step.
    """
    path = cache() / "coredns" / f"coredns_{VERSION}_linux_{processor}.tgz"
    pinned, url = SHA256.get(processor, ""), f"{RELEASES}/v{VERSION}"
    return fetch(path, url, f"{path.name}.sha256", pinned, f"CoreDNS {VERSION}", processor)
