"""The real etcd at its quota: what is told of it, what goes on, and the way out of it."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.coordination.election import Election
from fleet_cluster.fleet.etcd.client import Etcd, connect
from fleet_cluster.fleet.etcd_configuration import MIB
from fleet_cluster.fleet.etcd_roles import roles
from fleet_cluster.fleet.fleetd.etcd_health import EtcdHealthMonitor
from fleet_cluster.fleet.fleetd.metrics import Metrics, render
from fleet_cluster.fleet.kv import Delete, KVRefusedError, KVUnavailableError, Operation, Put
from fleet_cluster.fleet.model.keys import LEADER
from fleet_cluster.fleet.setup.etcd_auth import EtcdAuth
from fleet_cluster.fleet.setup.files import PEER_AUTHORITY, PEER_TRUST
from tests.cluster.operations import documented
from tests.contract.etcd_cluster import PATIENCE, EtcdCluster, addresses, as_root, running, signed
from tests.contract.harness import Project, require_engine

NAMES = ("machine-1", "machine-2", "machine-3")
QUOTA = 12 * MIB
TRIES = 10
"""For a write that finds no leader."""
VALUE = "x" * (MIB // 4)
SSH = """#!/bin/bash
# ssh -F CONFIG MACHINE COMMAND: the machine's member is on this computer.
declare -A address={addresses}
command=${{4//\\/etc\\/etcd\\/pki/{folder}}}
exec bash -c "${{command//127.0.0.1/${{address[$3]}}}}"
"""
SUDO = '#!/bin/bash\nexec "$@"\n'


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """Three members with little room."""
    require_engine()
    members = addresses(len(NAMES))
    project = Project(tmp_path_factory.mktemp("pki"))
    texts = signed(project, members, roles({}))
    project.destroy()
    with running(EtcdCluster(tmp_path_factory.mktemp("etcd"), members, texts)) as made:
        for name in NAMES:
            member = made.add(name)
            (member.pki / PEER_TRUST).write_text(texts[PEER_AUTHORITY])
            member.configure(made.initial(NAMES), "new", quota=QUOTA)
            member.start()
        made.wait()
        EtcdAuth(as_root(made), made.address).reconcile({})
        yield made


def config(etcd: EtcdCluster) -> Config:
    """fleetd's, on the first machine."""
    return Config(
        endpoints=tuple(f"{address}:2379" for address in etcd.addresses.values()),
        public_ip=etcd.address,
        ca_file=etcd.folder / "ca.crt",
        cert_file=etcd.folder / "fleet.crt",
        key_file=etcd.folder / "fleet.key",
    )


@pytest.fixture
def store(etcd: EtcdCluster) -> Iterator[Etcd]:
    """fleetd's connection."""
    one = config(etcd)
    connected = connect(one.endpoints, one.ca_file, one.cert_file, one.key_file, here=one.public_ip)
    yield connected
    connected.close()


def look(etcd: EtcdCluster, store: Etcd) -> Metrics:
    """What fleetd tells of etcd."""
    metrics = Metrics(lambda: 0.0, 10, lambda: 0.0)
    EtcdHealthMonitor(config(etcd), store, metrics).look()
    return metrics


def commit(store: Etcd, operation: Operation) -> None:
    """Writes; a slow disk may cost an election, but a refusal is an answer."""
    for left in reversed(range(TRIES)):
        try:
            store.commit([operation])
            return
        except KVRefusedError:
            raise
        except KVUnavailableError:
            if not left:
                raise
            sleep(1)


def follow_the_recipe(etcd: EtcdCluster, bin: Path) -> None:
    """Runs what docs/operations.md has for this, as it is there, with an ssh that stays here."""
    bin.mkdir()
    known = " ".join(f"[{name}]={address}" for name, address in etcd.addresses.items())
    folder = str(etcd.folder).replace("/", "\\/")
    scripts = {"ssh": SSH.format(addresses=f"({known})", folder=folder), "sudo": SUDO}
    for name, text in scripts.items():
        (bin / name).write_text(text)
        (bin / name).chmod(0o755)
    path = f"{bin}:{etcd.programs}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-ec", documented("etcd has no room")],
        env={**os.environ, "PATH": path, "FLEETCTL_SSH_CONFIG": "config"},
        check=True,
        timeout=60,
    )


def test_etcd_at_its_quota_is_told_of_and_brought_back_by_the_recipe(
    etcd: EtcdCluster, store: Etcd, tmp_path: Path
) -> None:
    lease = store.grant(600)
    woken = threading.Event()
    election = Election("m1", store, lambda: 0.0, woken.set, lambda: 0.0)
    while not (term := election.term(lease)):
        assert woken.wait(PATIENCE)
        woken.clear()
    before = look(etcd, store)
    assert before.faults() == before.warnings() == []
    assert before.etcd_room and before.etcd_room.quota == QUOTA

    keys = [f"/fleet/filler/{number}" for number in range(2 * QUOTA // len(VALUE))]
    with pytest.raises(KVRefusedError, match="database space exceeded"):
        for key in keys:
            commit(store, Put(key, VALUE))
    full = look(etcd, store)
    (fault,) = full.faults()
    assert fault.startswith("etcd: alarm NOSPACE")
    assert 'fleet_etcd_alarm{alarm="NOSPACE"} 1' in render(full)

    with pytest.raises(KVRefusedError):
        election.resign(term)
    assert election.term(lease) == term and store.get([LEADER]).entries
    assert store.keep_alive(lease) == 600

    for key in keys:
        commit(store, Delete(key))
    with pytest.raises(KVRefusedError):
        commit(store, Put(keys[0], "small"))
    follow_the_recipe(etcd, tmp_path / "bin")
    commit(store, Put(keys[0], "small"))
    after = look(etcd, store)
    assert after.faults() == after.warnings() == [] and after.etcd_room
    assert after.etcd_room.used < QUOTA / 4
    assert 'fleet_etcd_alarm{alarm="NOSPACE"} 0' in render(after)
    election.resign(term)
    assert not store.get([LEADER]).entries
