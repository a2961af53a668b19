"""A worker's fleetd, with the permissions of a worker: it reports, and never leads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_cluster.fleet.config import WORKER_CERT, Config
from fleet_cluster.fleet.etcd_roles import FLEET, Role, worker
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.lease_file import LeaseRecord
from fleet_cluster.fleet.model.keys import (
    CLUSTER,
    LEADER,
    address_key,
    credential_key,
    file_key,
    machine_key,
    order_key,
    schedule_key,
    state_key,
    unit_key,
)
from fleet_cluster.fleet.model.pins import pinned
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    MachineState,
    Order,
    Unit,
    UnitState,
    Verb,
)
from fleet_cluster.fleet.model.secrets import Delivery
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.connection import Connection
from tests.unit.fleet.fakes.sealer import key_of
from tests.unit.fleet.fakes.units import SLEEPS
from tests.unit.fleet.fakes.walls import Walls
from tests.unit.fleet.fleetd.test_loop import INTERVAL, ME, Rig
from tests.unit.fleet.fleetd.test_unforeseen import live, running

MEMBER = replace(ME, metadata={"role": "etcd"})
WORKER = MachineState("m2", "10.0.0.2", "machine-2", {"role": "web"}, "test")
ROLE = worker(WORKER.hostname, WORKER.id, WORKER.address)
UNIT = "a.service"
FILE = f"{SLEEPS}[X-Fleet]\nMachineMetadata=role=web\n"


class WorkerRig(Rig):
    """A worker beside a member."""

    def __init__(self, beside: Rig, role: Role = ROLE) -> None:
        self.become(role, beside)
        super().__init__(WORKER, beside)
        self.line = Connection(self.walls)
        self.start()

    def become(self, role: Role, beside: Rig) -> None:
        """From the next start on it has this certificate."""
        self.walls = Walls(beside.store, role)
        name = "fleet.crt" if role is FLEET else WORKER_CERT
        self.certificate = Path("/etc/fleet/pki", name)

    def start(self) -> None:
        self.settings = Config(("x",), reconcile_interval=INTERVAL, cert_file=self.certificate)
        super().start()


@pytest.fixture
def member() -> Rig:
    """A member, which leads."""
    rig = Rig(MEMBER)
    live(rig)
    return rig


def want(rig: Rig, unit: str = UNIT) -> None:
    """A unit that is for workers."""
    rig.store.put(file_key(sha_of(FILE)), FILE)
    rig.store.put(unit_key(unit), Unit(sha_of(FILE), DesiredState.LAUNCHED).to_json())


def faults(rig: Rig) -> str:
    return "\n".join(rig.fleetd.metrics.faults())


def reported(rig: Rig, unit: str = UNIT) -> str:
    return UnitState.from_json(rig.store.value(state_key("m2", unit)) or "").active


def empty(member: Rig, _one: Rig) -> None:
    member.store.wipe()


def restore(member: Rig, one: Rig) -> None:
    snapshot = member.store.read("")
    want(member, "later.service")
    live(member, one)
    member.store.restore(snapshot)


def restart(_member: Rig, one: Rig) -> None:
    one.start()


def boot(_member: Rig, one: Rig) -> None:
    one.line.hang_up()
    one.systemd.reboot()
    one.files[0].text = one.files[1].text = ""
    one.start()


@pytest.mark.parametrize("happens", [empty, restore, restart, boot])
def test_nothing_that_a_worker_does_is_refused(
    member: Rig, happens: Callable[[Rig, Rig], None]
) -> None:
    one = WorkerRig(member)
    live(member, one)
    want(member)
    live(member, one)
    assert running(one) == [UNIT] and reported(member) == "active"
    happens(member, one)
    for _ in range(4):
        live(member, one)
    assert one.fleetd.announced and UNIT in running(one) and not faults(one)
    assert reported(member) == "active"
    assert member.store.value(address_key("10.0.0.2")) == "m2"
    assert not one.walls.refused


def test_a_worker_answers_an_order_on_a_lease_that_others_have_orders_on(member: Rig) -> None:
    one = WorkerRig(member)
    live(member, one)
    want(member)
    live(member, one)
    lease = member.store.grant(60)
    keys = [order_key(machine, UNIT) for machine in ("m1", "m2")]
    member.store.commit([Put(key, Order(Verb.RESTART).to_json(), lease) for key in keys])
    live(member, one)
    assert Order.from_json(member.store.value(keys[1]) or "").answer == Order.DONE
    assert member.store.entries[keys[1]].lease == lease and not one.walls.refused


def test_a_worker_does_not_try_to_lead(member: Rig) -> None:
    one = WorkerRig(member)
    live(member, one)
    member.line.cut()
    member.clock.advance(30)
    member.store.tick()
    for _ in range(3):
        live(one)
    assert member.store.value(LEADER) is None and not faults(one)
    assert one.fleetd.announced and not one.walls.refused
    member.store.remove(CLUSTER)
    live(one)
    assert member.store.value(CLUSTER) is None and not one.walls.refused


def test_a_worker_that_led_before_leaves_it_to_a_member_and_no_unit_notices() -> None:
    """Its old lease has the leadership, and is not for a worker to renew."""
    member = Rig(MEMBER)
    one = WorkerRig(member, FLEET)
    live(one)
    want(one)
    live(one, member)
    assert member.store.value(LEADER) == "m2" and running(one) == [UNIT]
    one.become(ROLE, member)
    one.line.hang_up()
    one.line = Connection(one.walls)
    one.start()
    one.fleetd.lease.renew()
    one.fleetd.step()
    assert one.walls.refused == [f"readwrite {LEADER}"]
    for _ in range(3):
        live(one, member)
        member.store.tick()
    assert member.store.value(LEADER) == "m1"
    assert running(one) == [UNIT] and len(one.systemd.starts) == 1
    assert member.store.entries[machine_key("m2")].lease == one.fleetd.lease.id
    assert not faults(one)


def test_a_lease_on_which_a_machine_may_not_announce_itself_counts_for_nothing(
    member: Rig,
) -> None:
    """As after a snapshot was restored that knows the machine before this one: so the fence."""
    one = WorkerRig(member, worker("machine-2", "m0", WORKER.address))
    began = member.clock()
    live(member, one)
    record = LeaseRecord.from_text(one.files[0].load())
    assert record.renewed_at - began < 3
    assert "it may not report: pulumi up" in faults(one) and not running(one)
    one.walls.role = ROLE
    live(member, one)
    record = LeaseRecord.from_text(one.files[0].load())
    assert member.clock() - record.renewed_at <= 3
    assert one.fleetd.announced and not faults(one)


def test_a_unit_that_waits_for_a_secret_starts_when_it_has_come(member: Rig) -> None:
    rig, version = WorkerRig(member), "1-9f3c"
    rig.live()
    text = pinned(f"{SLEEPS}LoadCredential=k:/run/fleet/credentials\n", {"k": version})
    told = Assignment(sha_of(text), DesiredState.LAUNCHED)
    rig.store.put(file_key(told.sha), text)
    rig.store.put(schedule_key(WORKER.id, UNIT), told.to_json())
    rig.live()
    assert UNIT not in rig.systemd.running()
    rig.woken = False
    key = credential_key(WORKER.id, "k", version)
    rig.store.put(key, Delivery("sealed", key_of("m2")).to_json())
    assert rig.woken, "not only by the next full round"
    rig.live()
    assert UNIT in rig.systemd.running()
