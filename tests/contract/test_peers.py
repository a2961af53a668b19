"""etcd's peers have an authority of their own, also in clusters that began without one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from fleet_cluster.fleet.etcd_roles import roles
from fleet_cluster.fleet.setup.etcd_peers import PeerTrust
from fleet_cluster.fleet.setup.files import PEER_AUTHORITY, PEER_TRUST, File
from tests.contract.etcd_cluster import (
    EtcdCluster,
    Member,
    addresses,
    as_root,
    running,
    signed,
)
from tests.contract.harness import Project, require_engine

NAMES = ("machine-1", "machine-2", "machine-3")
ROLES = roles({"nginx": {"read": ["/app/server/"]}})
CLIENTS = (*(role.name for role in ROLES), *NAMES)
"""All that the cluster's authority has signed: roles, and members as servers."""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Addresses of members, and certificates."""
    require_engine()
    members = addresses(len(NAMES))
    project = Project(tmp_path_factory.mktemp("pki"))
    texts = signed(project, members, ROLES)
    project.destroy()
    return members, texts


@pytest.fixture
def cluster(
    given: tuple[Mapping[str, str], Mapping[str, str]], tmp_path: Path
) -> Iterator[EtcdCluster]:
    with running(EtcdCluster(tmp_path, *given)) as made:
        yield made


def write(path: str, file: File) -> bool:
    """`shell.write` for somebody who is not root."""
    target = Path(path)
    changed = not target.exists() or target.read_text() != file.text
    target.write_text(file.text)
    return changed


def trust_of(member: Member) -> PeerTrust:
    return PeerTrust(member.pki, write=write)


def begin(cluster: EtcdCluster, names: Sequence[str], *, before: bool) -> None:
    """Members that begin a cluster together."""
    for name in names:
        member = cluster.add(name)
        trust_of(member).trust([])
        member.configure(cluster.initial(names), "new", before=before)
        if before:
            (member.pki / PEER_TRUST).unlink()
    for member in cluster.members.values():
        member.start()
    cluster.wait()


def others(cluster: EtcdCluster, member: Member) -> list[str]:
    return [one.address for one in cluster.members.values() if one is not member]


def test_no_certificate_but_a_peers_gets_an_answer_on_the_peers_port(cluster: EtcdCluster):
    begin(cluster, NAMES, before=False)
    for name in NAMES:
        assert {one: cluster.on_peer_port(name, one) for one in CLIENTS} == dict.fromkeys(
            CLIENTS, 0
        )
    assert cluster.on_peer_port("machine-1", "machine-1-peer") == 200


def test_members_go_over_to_it_one_by_one_and_never_refuse_each_other(cluster: EtcdCluster):
    begin(cluster, NAMES, before=True)
    assert cluster.on_peer_port("machine-1", "nginx") == 200, "as it was"
    for member in cluster.members.values():
        assert trust_of(member).trust(others(cluster, member))
        member.configure(cluster.initial(NAMES), "existing")
        member.restart()
        cluster.wait()
        for each in NAMES:
            cluster.etcdctl("root", "put", f"/from/{member.name}", "1", at=each)
    assert [cluster.on_peer_port(name, "nginx") for name in NAMES] == [0, 0, 0]
    authority = cluster.texts[PEER_AUTHORITY]
    for member in cluster.members.values():
        trust_of(member).trust([one.address for one in cluster.members.values()])
        assert (member.pki / PEER_TRUST).read_text() == authority
        member.restart()
        cluster.wait()


def test_a_new_member_and_those_of_before_take_each_other(cluster: EtcdCluster):
    begin(cluster, NAMES[:2], before=True)
    peer = f"https://{cluster.addresses['machine-3']}:2380"
    cluster.until("added to cluster", "member", "add", "machine-3", f"--peer-urls={peer}")
    member = cluster.add("machine-3")
    trust_of(member).trust(others(cluster, member))
    assert (member.pki / PEER_TRUST).read_text() != cluster.texts[PEER_AUTHORITY]
    member.configure(cluster.initial(NAMES), "existing")
    member.start()
    cluster.wait()
    for one in cluster.members.values():
        one.restart()
        cluster.wait()
    assert [cluster.on_peer_port(name, "nginx") for name in NAMES] == [200, 200, 0]


def test_a_member_that_is_silent_may_be_one_of_before(cluster: EtcdCluster):
    begin(cluster, NAMES, before=False)
    member = cluster.members["machine-1"]
    (member.pki / PEER_TRUST).unlink()
    cluster.members["machine-2"].stop()
    trust_of(member).trust(others(cluster, member))
    assert (member.pki / PEER_TRUST).read_text() != cluster.texts[PEER_AUTHORITY]
    cluster.members["machine-2"].start()
    cluster.wait()
    trust_of(member).trust(others(cluster, member))
    assert (member.pki / PEER_TRUST).read_text() == cluster.texts[PEER_AUTHORITY]
    cluster.members["machine-2"].stop()
    assert not trust_of(member).trust(others(cluster, member)), "it is never taken back"


def test_the_first_members_join_at_the_same_time(cluster: EtcdCluster):
    begin(cluster, NAMES[:1], before=False)
    for name in NAMES[1:]:
        peer = f"--peer-urls=https://{cluster.addresses[name]}:2380"
        cluster.etcdctl("root", "member", "add", name, "--learner", peer)
    for name in NAMES[1:]:
        member = cluster.add(name)
        trust_of(member).trust([cluster.addresses["machine-1"]])
        member.configure(cluster.initial(NAMES), "existing")
        member.start()
    etcdctl, first = as_root(cluster), [cluster.address]
    for one in etcdctl.members(first):
        if one.learner:
            cluster.until("promoted", "member", "promote", one.id)
    cluster.wait()
    voters = {one.name for one in etcdctl.members(first) if not one.learner}
    assert voters == {*NAMES}
