"""No role can do more in etcd than its row says in docs/security.md: each cell is tried."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.etcd_roles import WORKERS, Grants, roles, worker
from fleet_cluster.fleet.kv import KVForbiddenError, Put
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.setup.etcd_auth import EtcdAuth, Workers, connect
from fleet_cluster.fleet.setup.files import PEER_AUTHORITY, PEER_TRUST
from fleet_cluster.fleet.setup.inputs import MachineRemoval, Worker
from tests.contract.etcd_cluster import EtcdCluster, addresses, as_root, running, signed
from tests.contract.etcd_requests import (
    MACHINE,
    NEIGHBOUR,
    OWN,
    REQUESTS,
    WORKER,
    WORKERS_ADDRESS,
    WORKERS_ID,
    Asker,
)
from tests.contract.harness import Project, require_engine
from tests.documents import table

GRANTS: Grants = {
    "nginx": {
        "read": ["/fleet/internal/fleet/sinatra*", "/fleet/cluster*", "/app/nginx*", "/app/server*"]
    }
}
"""Those of the example program."""
ANOTHER = "machine-6"
"""A worker that comes and goes."""
MEMBERS = ("machine-1", "machine-1-peer", "machine-1-journal")
MACHINES = {"a member's": MEMBERS, "a worker's": (WORKER,)}
"""Certificates of machines by what the document calls them."""
PORTS = {"On 2379": (2379, "/version"), "On 2380": (2380, "/members")}
HOLDERS: Mapping[str, str] = {
    "`nginx`, each role of a program": "nginx",
    "a worker's": WORKER,
    "a member's as a server": "machine-1",
    "a member's as a peer": "machine-1-peer",
    "a machine's as a sender of its journal": "machine-1-journal",
    "that of the receiver of journals": "journal.receiver",
    "none": "",
    **{f"`{role.name}`": role.name for role in roles({})},
}
"""Certificates by what the document calls them."""


SECURITY = "docs/security.md"
MAY = table(SECURITY, "What each may ask for")
CERTIFICATES = table(SECURITY, "etcd: who holds what")


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """A member with all of the cluster's certificates, its users and their grants."""
    require_engine()
    members = addresses(1)
    project = Project(tmp_path_factory.mktemp("pki"))
    texts = signed(project, members, roles(GRANTS), [MACHINE, ANOTHER])
    project.destroy()
    with running(EtcdCluster(tmp_path_factory.mktemp("etcd"), members, texts)) as made:
        member = made.add("machine-1")
        (member.pki / PEER_TRUST).write_text(texts[PEER_AUTHORITY])
        member.configure(made.initial(["machine-1"]), "new")
        member.start()
        made.wait()
        auth = EtcdAuth(as_root(made), made.address)
        auth.reconcile(GRANTS)
        auth.give(worker(MACHINE, WORKERS_ID, WORKERS_ADDRESS))
        for key in {*OWN.values(), *NEIGHBOUR.values()}:
            made.etcdctl("root", "put", key, "seed")
        yield made


def certificates(column: str) -> Sequence[str]:
    return MACHINES.get(column, (column.strip("`"),))


def test_the_table_has_every_request_and_every_role():
    assert list(MAY) == list(REQUESTS)
    columns = [*(f"`{role.name}`" for role in roles(GRANTS)), *MACHINES]
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


def held(etcd: EtcdCluster, certificate: str) -> Config:
    """The settings of a machine that holds this certificate."""
    names = ("ca.crt", f"{certificate}.crt", f"{certificate}.key")
    ca, cert, key = (etcd.folder / name for name in names)
    return Config((f"{etcd.address}:2379",), ca_file=ca, cert_file=cert, key_file=key)


def test_fleet_on_a_worker_may_report_from_when_a_member_takes_it_in_until_it_goes(
    etcd: EtcdCluster,
):
    id, address = "2c" * 16, "10.0.0.6"
    office = Workers(as_root(etcd), lambda: held(etcd, "fleet"))
    store = connect(held(etcd, f"{WORKERS}{ANOTHER}"))
    record, leading = Put(keys.machine_key(id), "{}"), Put(keys.LEADER, id)
    with pytest.raises(KVForbiddenError):
        store.commit([record])
    office.admit(json.dumps(Worker(ANOTHER, address, id, "data").to_wire()))
    lease = store.grant(600)
    assert store.commit([replace(record, lease=lease)]) and store.keep_alive(lease) == 600
    assert connect(held(etcd, "fleet")).lease_age(lease) < 600, "a member's fleetctl may look"
    with pytest.raises(KVForbiddenError):
        store.commit([replace(leading, lease=lease)])
    # As one has it that led before it was a worker.
    etcd.etcdctl("fleet", "put", keys.LEADER, id, f"--lease={lease:x}")
    with pytest.raises(KVForbiddenError):
        store.keep_alive(lease)
    gone = MachineRemoval(ANOTHER, address, id, preview=False)
    office.dismiss(json.dumps(gone.to_wire()))
    with pytest.raises(KVForbiddenError):
        store.commit([record])


REPORTS = (
    keys.machine_key(WORKERS_ID),
    keys.state_key(WORKERS_ID, "a.service"),
    keys.order_key(WORKERS_ID, "a.service"),
    keys.duplicate_key(WORKERS_ID, WORKERS_ADDRESS),
    keys.run_report_key(WORKERS_ID, "a.service", "1"),
    keys.address_key(WORKERS_ADDRESS),
)
"""What a worker writes."""
OTHERS = (
    keys.CLUSTER,
    keys.LEADER,
    keys.unit_key("a.service"),
    keys.file_key("0" * 64),
    keys.move_key("a.service"),
    keys.claim_key("a.service"),
    keys.schedule_key(WORKERS_ID, "a.service"),
    keys.eligibility_key(WORKERS_ID),
    keys.metadata_key(WORKERS_ID),
    keys.reboot_key(WORKERS_ID),
    keys.REBOOT_LOCK,
    keys.release_key("a.service", "1"),
    keys.canary_key("a.service"),
    keys.run_key("a.service", "1"),
    keys.timer_key("a.timer"),
    keys.name_key("a", "b"),
    keys.BACKUP,
    *(key.replace(WORKERS_ID, "1b" * 16) for key in REPORTS[:5]),
    *(key.replace(WORKERS_ID, f"{WORKERS_ID}0") for key in REPORTS[:5]),
    keys.secret_key("db-password", "1-9f3c"),
    keys.recipient_key(WORKERS_ID),
    keys.credential_key(WORKERS_ID, "db-password", "1-9f3c"),
    keys.address_key("10.0.0.5"),
    keys.address_key(f"{WORKERS_ADDRESS}0"),
    "/app/x",
)
"""What it reads at most: desired state, and what others report."""


def test_a_worker_writes_its_own_reports_and_nothing_else(etcd: EtcdCluster):
    """In particular no desired state, whoever it says it is."""
    one = Asker(etcd, WORKER)
    kinds = {value for name, value in vars(keys).items() if name.isupper()} - {keys.ROOT}
    assert all(any(key.startswith(kind) for key in (*REPORTS, *OTHERS)) for kind in kinds)
    for key in REPORTS:
        assert one.may("put", key, "1") and one.may("del", key), key
        assert one.transaction("", f"put {key} 1"), key
    for key in OTHERS:
        assert not one.may("put", key, "1") and not one.may("del", key), key
        assert not one.transaction("", f"put {key} 1"), key
    assert not one.may("del", "--prefix", keys.STATES)


def test_a_worker_reads_what_it_runs_and_no_secret_of_an_application(etcd: EtcdCluster):
    one = Asker(etcd, WORKER)
    assert one.may("get", "--prefix", keys.schedule_key(WORKERS_ID, ""))
    assert one.may("get", keys.file_key("0" * 64)) and one.may("get", "--prefix", keys.ROOT)
    assert not one.may("get", "--prefix", "/app/")


def test_a_worker_answers_an_order_whose_lease_has_orders_to_others(etcd: EtcdCluster):
    """It may not put a key on that lease, but leave its own there."""
    lease = etcd.etcdctl("fleet", "lease", "grant", "600").split()[1]
    for machine in (WORKERS_ID, "1b" * 16):
        etcd.etcdctl("fleet", "put", keys.order_key(machine, "a"), "1", f"--lease={lease}")
    one, key = Asker(etcd, WORKER), keys.order_key(WORKERS_ID, "a")
    assert not one.may("put", key, "2", f"--lease={lease}")
    assert one.may("put", key, "2", "--ignore-lease")
    assert not one.may("lease", "keep-alive", "--once", lease)
