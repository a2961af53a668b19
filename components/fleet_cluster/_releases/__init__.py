"""Releases of others, and where machines get them."""

ARCHIVE = "/home/core/fleet.zip"
ARCHIVES = {
    "software": ARCHIVE,
    # Apart from the bundle: that changes often, and these are large.
    "etcd-release": "/home/core/etcd.tar.gz",
    "coredns-release": "/home/core/coredns.tgz",
}
"""What is copied to each machine, and whereto."""
