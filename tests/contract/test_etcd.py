"""fleet's client and the real etcd, of the version that machines get."""

import queue
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster._etcd_release import VERSION, etcd_archive
from fleet_cluster.fleet.etcd import watch
from fleet_cluster.fleet.etcd.client import Etcd, connect
from fleet_cluster.fleet.kv import Changes, Put
from fleet_cluster.fleet.setup.etcd_release import unpack
from fleet_cluster.images import own_processor
from tests.contract.sshd import kept_port

WAIT = 30.0
"""Longer than anything here takes, so that a failure ends."""


def free_url() -> str:
    return f"http://127.0.0.1:{kept_port()}"


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    """The only member of a cluster, which has begun to answer."""
    unpack(etcd_archive(own_processor()), VERSION, tmp_path, ["etcd"])
    client, peer = free_url(), free_url()
    options = {
        "data-dir": str(tmp_path / "data"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "log-level": "error",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    with subprocess.Popen((tmp_path / "etcd", *arguments)) as member:
        connected = connect([client.removeprefix("http://")], limit=WAIT)
        try:
            connected.read("/")
            yield connected
        finally:
            connected.close()
            member.terminate()


def test_a_watch_on_a_quiet_etcd_is_kept(etcd: Etcd):
    """For longer than it takes to find out that nothing answers."""
    heard: queue.SimpleQueue[Changes | None] = queue.SimpleQueue()
    known = etcd.commit([Put("/a/1", "known")])
    etcd.watch("/a/", known, heard.put, lambda: heard.put(None))
    with pytest.raises(queue.Empty):
        heard.get(timeout=3 * watch.LIVENESS_SECONDS)
    etcd.commit([Put("/a/2", "new")])
    changes = heard.get(timeout=WAIT)
    assert changes and list(changes.puts) == ["/a/2"]
