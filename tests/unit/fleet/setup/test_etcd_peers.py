"""Which authorities of peers a member trusts; tests/contract/test_peers.py has the real etcd."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.setup.etcd_peers import LOOPBACK, PeerTrust
from fleet_cluster.fleet.setup.files import PEER_AUTHORITY, PEER_TRUST, File

from .etcd_members import EtcdMembers

OTHERS = ("10.0.0.2", "10.0.0.3")
ALONE, BOTH = "peers'", "peers' and the cluster's"


def write_text(path: str, file: File) -> bool:
    """Writes as `shell.write`, and leaves the owner alone."""
    target = Path(path)
    changed = not target.exists() or target.read_text() != file.text
    target.write_text(file.text)
    return changed


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    (tmp_path / PEER_AUTHORITY).write_text(ALONE)
    (tmp_path / "ca.crt").write_text(" and the cluster's")
    return tmp_path


def showing_new(pki: Path, *addresses: str) -> PeerTrust:
    """Trust on a machine where these members show a certificate of the peers' authority."""
    return PeerTrust(pki, lambda _, address: address in addresses, write_text)


def trusted(pki: Path) -> str:
    return (pki / PEER_TRUST).read_text()


def test_the_clusters_authority_counts_while_one_shows_its_certificate(pki: Path):
    for new, expected in ((OTHERS[:1], BOTH), (OTHERS, ALONE)):
        assert showing_new(pki, *new).trust(OTHERS)
        assert trusted(pki) == expected


def test_the_first_one_of_a_cluster_trusts_the_peers_alone(pki: Path):
    assert showing_new(pki).trust([])
    assert trusted(pki) == ALONE


def test_it_is_never_taken_back_unless_the_authority_is_another(pki: Path):
    showing_new(pki, *OTHERS).trust(OTHERS)
    assert not showing_new(pki).trust(OTHERS)
    assert trusted(pki) == ALONE
    (pki / PEER_AUTHORITY).write_text("another")
    assert showing_new(pki).trust(OTHERS)
    assert trusted(pki) == "another and the cluster's"


@pytest.fixture
def etcd() -> EtcdMembers:
    made = EtcdMembers()
    made.add("machine-1", LOOPBACK)
    for number, address in enumerate(OTHERS, start=2):
        made.add(f"machine-{number}", address)
    return made


def test_it_settles_when_all_members_have_had_their_turn(pki: Path, etcd: EtcdMembers):
    showing_new(pki).trust(OTHERS)
    showing_new(pki, *OTHERS).settle(etcd.etcdctl)
    assert trusted(pki) == BOTH, "this member has not"
    showing_new(pki, LOOPBACK, *OTHERS).settle(etcd.etcdctl)
    assert trusted(pki) == ALONE


def test_while_etcd_does_not_answer_nothing_is_settled(pki: Path, etcd: EtcdMembers):
    showing_new(pki).trust(OTHERS)
    etcd.up.clear()
    showing_new(pki, LOOPBACK, *OTHERS).settle(etcd.etcdctl)
    assert trusted(pki) == BOTH
