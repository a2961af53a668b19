"""No role can do more in etcd than its row says in docs/security.md: each cell is tried."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from fleet_cluster.fleet.etcd_roles import Grants, roles
from fleet_cluster.fleet.setup.etcd_auth import EtcdAuth
from fleet_cluster.fleet.setup.files import PEER_AUTHORITY, PEER_TRUST
from tests.checkout import CHECKOUT
from tests.contract.etcd_cluster import EtcdCluster, addresses, as_root, running, signed
from tests.contract.etcd_requests import NEIGHBOUR, OWN, REQUESTS, Asker
from tests.contract.harness import Project, require_engine

GRANTS: Grants = {"nginx": {"read": ["/app/server*", "/app/nginx*"]}}
"""Those of the example program."""
MEMBERS = ("machine-1", "machine-1-peer")
PORTS = {"On 2379": (2379, "/version"), "On 2380": (2380, "/members")}
HOLDERS: Mapping[str, str] = {
    "`nginx`, each role of a program": "nginx",
    "a member's as a server": "machine-1",
    "a member's as a peer": "machine-1-peer",
    "none": "",
    **{f"`{role.name}`": role.name for role in roles({})},
}
"""Certificates by what the document calls them."""


def table(heading: str) -> dict[str, dict[str, str]]:
    """Cells of the document's table below a heading, by row and column."""
    text = (CHECKOUT / "docs/security.md").read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    columns, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows}


MAY = table("What each may ask for")
CERTIFICATES = table("etcd: who holds what")


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """A member with all of the cluster's certificates, its users and their grants."""
    require_engine()
    members = addresses(1)
    project = Project(tmp_path_factory.mktemp("pki"))
    texts = signed(project, members, roles(GRANTS))
    project.destroy()
    with running(EtcdCluster(tmp_path_factory.mktemp("etcd"), members, texts)) as made:
        member = made.add("machine-1")
        (member.pki / PEER_TRUST).write_text(texts[PEER_AUTHORITY])
        member.configure(made.initial(["machine-1"]), "new")
        member.start()
        made.wait()
        EtcdAuth(as_root(made), made.address).reconcile(GRANTS)
        for key in {*OWN.values(), *NEIGHBOUR.values()}:
            made.etcdctl("root", "put", key, "seed")
        yield made


def certificates(column: str) -> Sequence[str]:
    return MEMBERS if column == "a member's" else (column.strip("`"),)


def test_the_table_has_every_request_and_every_role():
    assert list(MAY) == list(REQUESTS)
    columns = [*(f"`{role.name}`" for role in roles(GRANTS)), "a member's"]
    assert {tuple(sorted(row)) for row in MAY.values()} == {tuple(sorted(columns))}
    assert {cell for row in MAY.values() for cell in row.values()} == {"yes", "no"}
    assert CERTIFICATES.keys() == HOLDERS.keys()


@pytest.mark.parametrize("request_", REQUESTS)
def test_each_may_do_what_its_row_says(etcd: EtcdCluster, request_: str):
    found = {
        (column, certificate): "yes" if REQUESTS[request_](Asker(etcd, certificate)) else "no"
        for column in MAY[request_]
        for certificate in certificates(column)
    }
    assert found == {one: MAY[request_][one[0]] for one in found}


@pytest.mark.parametrize("holder", CERTIFICATES)
@pytest.mark.parametrize("port", PORTS)
def test_each_certificate_is_answered_where_the_table_says(
    etcd: EtcdCluster, holder: str, port: str
):
    number, path = PORTS[port]
    answered = etcd.http(number, HOLDERS[holder], path) != 0
    assert answered == (CERTIFICATES[holder][port] == "answered")
