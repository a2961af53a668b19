"""The leader seals secrets to the machines whose units name them, and to no others."""

import pytest

from fleet_cluster.fleet.engine.leader import Leader
from fleet_cluster.fleet.engine.sealing import Sealing
from fleet_cluster.fleet.kv import Put
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.pins import pinned
from fleet_cluster.fleet.model.records import DesiredState, MachineState
from fleet_cluster.fleet.model.secrets import Delivery, Recipient, SecretVersion
from tests.unit.fleet.engine.test_leader import Cluster as LeaderBench
from tests.unit.fleet.fakes.kv import MemoryKV
from tests.unit.fleet.fakes.sealer import FakeSealer, key_of
from tests.unit.fleet.fakes.units import SLEEPS

VERSION, NEXT = "1-9f3c", "2-04be"
VALUE = b"correct horse"
NAMES = SLEEPS + "LoadCredential=db-password:/run/fleet/credentials\n"


def file_with(version: str = VERSION, on: str = "") -> str:
    where = f"[X-Fleet]\nMachineMetadata=name={on}\n" if on else ""
    return pinned(NAMES + where, {"db-password": version})


class Cluster(LeaderBench):
    """A leader on machine a, a member of etcd, that opens what is sealed to it."""

    def elected(self) -> Leader:
        term = self.election.term(self.lease.id)
        assert term
        clocks = self.clock, self.wake
        return Leader(term, self.line, self.lease, *clocks, sealer=FakeSealer("a"))

    def announce(self, machine: str, address: str = "") -> None:
        record = MachineState(
            machine, address, machine, {"name": machine}, public_key=key_of(machine)
        )
        self.store.commit([Put(keys.machine_key(machine), record.to_json(), self.leases[machine])])

    def keep(self, version: str = VERSION, *recipients: str) -> None:
        names = recipients or ("a",)
        public = {name: key_of(name) for name in names}
        record = SecretVersion(FakeSealer().seal(VALUE, public.values()), public)
        self.store.put(keys.secret_key("db-password", version), record.to_json())

    def delivered(self) -> dict[str, Delivery]:
        found = self.store.read(keys.CREDENTIALS).entries
        return {
            key.removeprefix(keys.CREDENTIALS): Delivery.from_json(entry.value)
            for key, entry in found.items()
        }

    def settle(self) -> None:
        for _ in range(4):
            self.act(full=True)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_machine_gets_what_its_units_name_before_it_is_told_to_run_them(
    cluster: Cluster,
) -> None:
    cluster.keep()
    cluster.want("web.service", file_with(on="b"))
    cluster.settle()
    assert cluster.homes() == {"web.service": "b"}
    (one,) = cluster.delivered().items()
    assert one[0] == f"b/db-password/{VERSION}"
    assert FakeSealer("b").open(one[1].sealed) == VALUE
    for other in "ac":
        with pytest.raises(Exception, match="no identity"):
            FakeSealer(other).open(one[1].sealed)
    assigned = cluster.store.entries[keys.schedule_key("b", "web.service")]
    given = cluster.store.entries[keys.CREDENTIALS + one[0]]
    assert given.mod_revision < assigned.mod_revision


def test_nothing_is_delivered_to_machines_whose_units_name_nothing(cluster: Cluster) -> None:
    cluster.keep()
    cluster.want("web.service")
    cluster.settle()
    assert cluster.homes() and not cluster.delivered()


def test_what_no_unit_of_a_machine_needs_any_more_is_removed(cluster: Cluster) -> None:
    cluster.keep()
    cluster.want("web.service", file_with(on="b"))
    cluster.settle()
    cluster.want("web.service", file_with(on="b"), DesiredState.INACTIVE)
    cluster.settle()
    assert not cluster.delivered()


def test_a_unit_gets_no_file_without_the_secret_that_it_names(cluster: Cluster) -> None:
    """A unit that runs is not stopped for it; it is told, and done as soon as it can be."""
    cluster.keep()
    cluster.want("web.service", file_with(on="b"))
    cluster.settle()
    before = cluster.store.entries[keys.schedule_key("b", "web.service")]
    cluster.want("web.service", file_with(NEXT, on="b"))
    cluster.settle()
    assert cluster.store.entries[keys.schedule_key("b", "web.service")] == before
    assert "fleetctl secret set db-password" in cluster.leader.deliveries.trouble
    cluster.keep(NEXT)
    cluster.settle()
    assert cluster.leader.deliveries.trouble == ""
    assert list(cluster.delivered()) == [f"b/db-password/{NEXT}"]


def test_other_units_are_placed_whatever_cannot_be_delivered(cluster: Cluster) -> None:
    cluster.want("web.service", file_with(on="b"))
    cluster.want("other.service", SLEEPS)
    cluster.settle()
    assert cluster.homes().keys() == {"other.service"}


def test_a_leader_that_cannot_open_a_secret_says_so_until_another_member_has_sealed_it_anew(
    cluster: Cluster,
) -> None:
    cluster.keep(VERSION, "c")
    cluster.want("web.service", file_with(on="b"))
    cluster.settle()
    assert not cluster.homes()
    assert "this member of etcd cannot open it" in cluster.leader.deliveries.trouble
    members(cluster.store, "a", "c")
    sealing("c", cluster.store).reconcile()
    cluster.settle()
    assert cluster.homes() == {"web.service": "b"}
    assert cluster.leader.deliveries.trouble == ""


def test_a_machine_without_a_key_is_told_of(cluster: Cluster) -> None:
    cluster.keep()
    record = MachineState("b", "", "b", {"name": "b"})
    cluster.store.commit([Put(keys.machine_key("b"), record.to_json(), cluster.leases["b"])])
    cluster.want("web.service", file_with(on="b"))
    cluster.settle()
    assert not cluster.homes()
    assert "that machine has no key" in cluster.leader.deliveries.trouble


def test_a_machine_with_another_key_gets_it_again(cluster: Cluster) -> None:
    cluster.keep()
    cluster.want("web.service", file_with(on="b"))
    cluster.settle()
    record = MachineState("b", "", "b", {"name": "b"}, public_key=key_of("anew"))
    cluster.store.commit([Put(keys.machine_key("b"), record.to_json(), cluster.leases["b"])])
    cluster.settle()
    (one,) = cluster.delivered().values()
    assert FakeSealer("anew").open(one.sealed) == VALUE


def members(store: MemoryKV, *names: str) -> None:
    for name in names:
        store.put(keys.recipient_key(name), Recipient(key_of(name), name).to_json())


def sealing(name: str, store: MemoryKV, *, is_member: bool = True) -> Sealing:
    machine = MachineState(name, "", name, public_key=key_of(name))
    return Sealing(machine, store, FakeSealer(name), lambda: None, is_member=is_member)


def secret(store: MemoryKV) -> SecretVersion:
    return SecretVersion.from_json(store.value(keys.secret_key("db-password", VERSION)) or "")


def test_a_member_tells_its_key_and_a_worker_does_not(cluster: Cluster) -> None:
    sealing("a", cluster.store).reconcile()
    sealing("b", cluster.store, is_member=False).reconcile()
    found = cluster.store.read(keys.RECIPIENTS).entries
    assert list(found) == [keys.recipient_key("a")]
    assert Recipient.from_json(found[keys.recipient_key("a")].value).key == key_of("a")


def test_a_secret_is_sealed_to_the_members_that_there_are_now(cluster: Cluster) -> None:
    cluster.keep(VERSION, "a", "gone")
    members(cluster.store, "a", "new")
    one = sealing("a", cluster.store)
    one.reconcile()
    assert set(secret(cluster.store).recipients) == {"a", "new"}
    assert FakeSealer("new").open(secret(cluster.store).sealed) == VALUE
    with pytest.raises(Exception, match="no identity"):
        FakeSealer("gone").open(secret(cluster.store).sealed)
    revision = cluster.store.revision
    one.reconcile()
    assert cluster.store.revision == revision


def test_what_a_member_cannot_open_it_leaves_alone(cluster: Cluster) -> None:
    cluster.keep(VERSION, "c")
    members(cluster.store, "a", "c")
    sealing("a", cluster.store).reconcile()
    assert set(secret(cluster.store).recipients) == {"c"}


def test_malformed_records_stop_nothing(cluster: Cluster) -> None:
    cluster.keep(VERSION, "a")
    cluster.store.put(keys.secret_key("x", VERSION), "{")
    cluster.store.put(keys.recipient_key("x"), '{"key": "-o/etc/passwd"}')
    members(cluster.store, "a", "new")
    sealing("a", cluster.store).reconcile()
    assert set(secret(cluster.store).recipients) == {"a", "new"}


def test_what_has_not_changed_is_not_looked_at_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.keep(VERSION, "a")
    one = sealing("a", cluster.store)
    for _ in range(3):
        one.reconcile()
    read: list[str] = []
    monkeypatch.setattr(SecretVersion, "from_json", read.append)
    one.reconcile()
    assert not read
    monkeypatch.undo()
    members(cluster.store, "new")
    one.reconcile()
    assert set(secret(cluster.store).recipients) == {"a", "new"}
