"""The wire form of what is kept in etcd and on machines: golden files of every key and record.

fleetd of another version reads what this one has written, and the other way round: an upgraded
machine reads its own lease and checkpoint. Names of attributes, classes and functions may change;
what is here may only be added to.
"""

import inspect
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

from fleet_cluster.fleet import config
from fleet_cluster.fleet.agent.checkpoint import Checkpoint, LocalUnit, Progress
from fleet_cluster.fleet.coordination.lease import Lease
from fleet_cluster.fleet.fleetctl.remote.tunnel import RemoteRequest
from fleet_cluster.fleet.lease_file import LeaseRecord
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.backups import Backup
from fleet_cluster.fleet.model.reboots import RebootLock, RebootPhase, RebootRequest
from fleet_cluster.fleet.model.record import Record
from fleet_cluster.fleet.model.records import (
    Assignment,
    Claim,
    Cluster,
    DesiredState,
    Eligibility,
    MachineState,
    Metadata,
    Move,
    Order,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.model.releases import Canary, Release
from fleet_cluster.fleet.model.rollout_step import RolloutStep
from fleet_cluster.fleet.model.runs import Run, RunReport, Timer
from fleet_cluster.fleet.model.secrets import Delivery, Recipient, SecretVersion
from fleet_cluster.fleet.model.service_records import ServiceRecord
from fleet_cluster.fleet.model.wire import from_wire, to_wire
from fleet_cluster.fleet.setup.files import fleet_conf
from fleet_cluster.fleet.setup.inputs import Configuration, Pair
from tests.unit.fleet.fakes.clock import FakeClock, MemoryFile, no_chance
from tests.unit.fleet.fakes.kv import MemoryKV

KEY = f"age1{'q' * 58}"
GOLDEN = Path(__file__).parent / "golden"
FULL: tuple[Record, ...] = (
    Cluster(id="0123abcd", layout=2),
    MachineState(
        id="3f2a91bc",
        address="10.0.0.11",
        hostname="machine-1",
        metadata={"role": "web"},
        version="1.2",
        certificate_ends=1.5,
        trouble="Docker is down",
        os="debian-13.8",
        etcd="3.6.16",
        memory=17179869184,
        cpus=1.5,
        boot="9f3e.123",
        takes_runs=True,
        reboot_required=True,
        public_key="age1xyz",
    ),
    Unit(
        sha="5a",
        desired_state=DesiredState.LAUNCHED,
        owner="web",
        written_at=1.5,
        retained_files={"3f2a91bc": "4b"},
        newcomers_sha="4b",
        machine="88bb",
    ),
    Assignment(
        sha="5a",
        desired_state=DesiredState.LAUNCHED,
        reason="it has the fewest units",
        rejections={"77aa": "metadata role=web is missing"},
        decided_at=1.5,
        origin="66bb",
        lost_at=2.5,
        destination="55cc",
        completed=True,
        shutdown_delay=2.0,
    ),
    UnitState(
        load="loaded",
        active="failed",
        sub="auto-restart",
        sha="5a",
        since=1.5,
        orphan=True,
        problem="no room",
        journal="a line",
        start_requested_at=2.5,
        job="timeout",
        reason="ConditionPathExists=/x",
    ),
    Eligibility(cordoned=False, draining=True, since=1.5, force=True, removed=True, rebooting=True),
    Move(origin="3f2a91bc", destination="77aa"),
    Order(verb="restart", answer="done"),
    Metadata(pairs={"role": "db", "zone": ""}),
    Claim(token="ab", digest="cd", repairs=3),
    Backup(
        taken_at=1.5,
        name="fleet-0123abcd-20261129T030000Z.db",
        size=155680,
        destination="/mnt/backups",
        address="10.0.0.11",
        interval=86400.0,
        on_own_disk=True,
        failed_at=2.5,
        failure="the command exited with 1",
    ),
    RebootRequest(
        series="77aa",
        name="machine-1",
        by="an operator",
        requested_at=1.5,
        force=True,
        timeout=300.0,
        outcome="done",
        seconds=41.5,
        passed_over=True,
        joined={"88bb": "another operator"},
    ),
    RebootLock(
        machine="3f2a91bc",
        boot="9f3e.123",
        phase=RebootPhase.FILLING,
        series="77aa",
        by="an operator",
        since=1.5,
        force=True,
        timeout=300.0,
        down={"web.service": "failed"},
        failure="it is away",
    ),
    Release(sha="5a", released_at=1.5, author="anna@laptop", source="/web.service", failed=True),
    Canary(
        sha="5a",
        previous_sha="4b",
        began_at=1.5,
        author="anna@laptop",
        source="/web@.service",
        machines={"3f2a91bc": "machine-1"},
    ),
    Run(
        machine="3f2a91bc",
        due=1.5,
        requested_at=2.5,
        by="anna@laptop",
        data="0123abcd",
        until=3.5,
        outcome="lost",
    ),
    RunReport(
        boot="9f3e.123",
        invocation="66cc",
        started=1.5,
        ended=2.5,
        result="exit-code",
        exit_code=1,
    ),
    Timer(stamp=1.5, next=2.5, is_running=True, sha="5a", data="0123abcd"),
    SecretVersion(sealed="-----", recipients={"3f2a91bc": KEY}, written_at=1.5, author="anna@x"),
    Recipient(key=KEY, hostname="machine-1"),
    Delivery(sealed="-----", key=KEY),
    ServiceRecord(host="10.0.0.11", unit="web@1.service", machine="3f2a91bc", port=5000, ttl=2),
    RolloutStep(unit="web@1.service", change="rolled", machine="machine-1", began=1.5, ended=2.5),
)
"""Every record, each field other than by default."""
BARE: tuple[Record, ...] = (
    Cluster(id="0123abcd"),
    MachineState(id="3f2a91bc", address="10.0.0.11", hostname="machine-1"),
    Unit(sha="5a"),
    Assignment(sha="5a", desired_state=DesiredState.INACTIVE),
    UnitState(load="loaded", active="active", sub="running", sha="5a"),
    Eligibility(),
    Move(origin="3f2a91bc", destination="77aa"),
    Order(verb="restart"),
    Metadata(),
    Claim(token="ab", digest="cd"),
    Backup(taken_at=1.5),
    RebootRequest(series="77aa"),
    RebootLock(machine="3f2a91bc", boot="9f3e.123"),
    Release(sha="5a"),
    Canary(sha="5a", previous_sha="4b"),
    Run(),
    RunReport(),
    Timer(),
    SecretVersion(sealed="-----"),
    Recipient(key=KEY),
    Delivery(sealed="-----", key=KEY),
    ServiceRecord(host="10.0.0.11", unit="web@1.service", machine="3f2a91bc"),
    RolloutStep(unit="web@1.service", change="rolled", machine="machine-1", began=1.5, ended=2.5),
)
NAMES = ("A", "B", "C")
KEYS = {
    "cluster's identity": keys.CLUSTER,
    "leader": keys.LEADER,
    "last backup": keys.BACKUP,
    "machine": keys.machine_key("A"),
    "unit file": keys.file_key("A"),
    "unit": keys.unit_key("A"),
    "assignment": keys.schedule_key("A", "B"),
    "unit's state": keys.state_key("A", "B"),
    "machine's mark": keys.eligibility_key("A"),
    "move": keys.move_key("A"),
    "order": keys.order_key("A", "B"),
    "address": keys.address_key("A"),
    "machine's metadata": keys.metadata_key("A"),
    "claim": keys.claim_key("A"),
    "request of a reboot": keys.reboot_key("A"),
    "lock of reboots": keys.REBOOT_LOCK,
    "release": keys.release_key("A", "B"),
    "canary": keys.canary_key("A"),
    "name of a service": keys.name_key("A", "B"),
    "machine of another's id": keys.duplicate_key("A", "B"),
    "run": keys.run_key("A", "B"),
    "timer": keys.timer_key("A"),
    "report on a run": keys.run_report_key("A", "B", "C"),
    "secret": keys.secret_key("A", "B"),
    "key of a member": keys.recipient_key("A"),
    "secret for a machine": keys.credential_key("A", "B", "C"),
}
LOCAL = LocalUnit(
    sha="5a", progress=Progress.STARTED, since=1.5, revision=6, start_requested_at=2.5
)
CONFIGURATION = Configuration(
    resource="container-1",
    bundle="0" * 64,
    etcd="3.6.16",
    coredns="1.15.0",
    name="machine-1",
    address="10.0.0.11",
    metadata={"role": "web"},
    endpoints=("10.0.0.11", "10.0.0.12"),
    agent_ttl=7,
    reconcile_interval=3600,
    image_retention_hours=24,
    reboot_window="Sun 02:00-04:00",
    registry="10.0.0.2:5000",
    authority="the authority",
    previous_authority="",
    roles={"fleet": Pair("certificate", "key")},
    worker=None,
    member=None,
    peer_authority="the peers' authority",
    peer=None,
    journal_sender=None,
    journal_receiver=None,
)


def golden(name: str) -> str:
    return (GOLDEN / name).read_text(encoding="utf-8")


def kept_records(name: str) -> dict[str, str]:
    """By kind: the JSON of each line of the golden file."""
    lines = (line.partition(": ") for line in golden(name).splitlines())
    return {kind: text for kind, _, text in lines}


@pytest.mark.parametrize("record", FULL, ids=lambda record: record.kind)
def test_a_record_with_every_field_is_written_and_read_as_before(record: Record) -> None:
    check(record, kept_records("records-full.txt")[record.kind])


@pytest.mark.parametrize("record", BARE, ids=lambda record: record.kind)
def test_a_record_with_few_fields_is_written_and_read_as_before(record: Record) -> None:
    check(record, kept_records("records-bare.txt")[record.kind])


def check(record: Record, kept: str) -> None:
    assert record.to_json() == kept
    # Not `==`, which leaves out what does not count when two are compared.
    assert vars(type(record).from_json(kept)) == vars(record)


def test_every_kind_of_record_is_here_with_every_field() -> None:
    ours = (one for one in Record.__subclasses__() if not one.__module__.startswith("tests."))
    kinds = {one.kind for one in ours}
    assert {record.kind for record in FULL} == {record.kind for record in BARE} == kinds
    assert list(kept_records("records-full.txt")) == list(kept_records("records-bare.txt"))
    assert set(kept_records("records-full.txt")) == kinds
    same = [
        f"{type(one).__name__}.{field.name}"
        for one in (*FULL, LOCAL)
        for field in fields(one)
        if getattr(one, field.name) == default(field)
    ]
    assert not same, "FULL has these as they are by default"


def default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def test_the_keys_are_as_before() -> None:
    width = max(map(len, KEYS))
    text = "".join(f"{what:{width}}  {key}\n" for what, key in KEYS.items())
    assert text == golden("keys.txt")


def test_every_function_that_gives_a_key_is_here() -> None:
    functions = [
        one
        for name, one in inspect.getmembers(keys, inspect.isfunction)
        if name.endswith("_key") and inspect.signature(one).return_annotation is str
    ]
    given = {one(*NAMES[: len(inspect.signature(one).parameters)]) for one in functions}
    assert len(given) > 10
    assert given <= set(KEYS.values())


def test_the_checkpoint_is_written_and_read_as_before() -> None:
    file = MemoryFile()
    checkpoint = Checkpoint(file)
    checkpoint.follow("0123abcd", 42)
    checkpoint.distrust()
    checkpoint.note({"web@1.service": LOCAL, "db.service": LocalUnit("4b", Progress.LOADED)})
    assert file.text + "\n" == golden("checkpoint.txt")
    again = Checkpoint(file)
    assert (again.cluster, again.revision, again.distrusts) == ("0123abcd", 42, True)
    assert again.units == checkpoint.units


def test_the_lease_is_noted_and_read_as_before_by_fleetd_and_by_the_fence() -> None:
    clock, file = FakeClock(), MemoryFile()
    store = MemoryKV(clock)
    while store.grant(7) < 26:
        pass
    lease = Lease(store, 7, clock, file, lambda: None, no_chance)
    lease.renew()
    clock.advance(2.5)
    lease.renew()
    assert file.text == golden("lease.txt")
    assert LeaseRecord.from_text(file.text) == LeaseRecord(27, 1000.0, 1002.5, 7)
    again = Lease(store, 7, clock, file, lambda: None, no_chance)
    again.renew()
    assert (again.id, again.connected_for()) == (27, 2.5)


def test_what_fleetctl_sends_to_a_machine_is_as_before() -> None:
    parcel = RemoteRequest(
        {"web.service": "[Service]"},
        "units: {}",
        "anna@laptop",
        {"web.service": "/web.service"},
        is_traced=True,
    )
    kept = {
        "files": {"web.service": "[Service]"},
        "document": "units: {}",
        "author": "anna@laptop",
        "sources": {"web.service": "/web.service"},
        "traced": True,
    }
    assert to_wire(parcel) == kept
    assert RemoteRequest(**from_wire(RemoteRequest, kept)) == parcel
    request = RemoteRequest(**from_wire(RemoteRequest, {"document": "units: {}"}))
    assert request == RemoteRequest(document="units: {}"), "the previous release's says no more"


def test_fleet_conf_is_written_and_read_as_before() -> None:
    assert fleet_conf(CONFIGURATION) == golden("fleet.conf")
    assert config.parse(golden("fleet.conf")) == config.Config(
        endpoints=("10.0.0.11:2379", "10.0.0.12:2379"),
        public_ip="10.0.0.11",
        metadata={"role": "web"},
        agent_ttl=7,
        reconcile_interval=3600.0,
        image_retention_hours=24,
        reboot_window="Sun 02:00-04:00",
        ca_file=Path("/etc/fleet/pki/ca.crt"),
        cert_file=Path("/etc/fleet/pki/fleet.crt"),
        key_file=Path("/etc/fleet/pki/fleet.key"),
    )
