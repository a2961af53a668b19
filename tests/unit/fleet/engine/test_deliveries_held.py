"""What cannot be delivered at once, and what that costs a round of the leader."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fleet_cluster.fleet.engine.deliveries import SECONDS
from fleet_cluster.fleet.engine.leader import Leader
from fleet_cluster.fleet.engine.sealing import RETRY_SECONDS, Sealing
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.records import Eligibility, MachineState, UnitState
from fleet_cluster.fleet.secrets.age import SealerUnavailableError
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.engine.test_deliveries import VERSION, Cluster, file_with, members, secret
from tests.unit.fleet.fakes.clock import FakeClock
from tests.unit.fleet.fakes.sealer import FakeSealer, key_of


@dataclass(frozen=True)
class Slow(FakeSealer):
    """A sealer that takes its time."""

    clock: FakeClock = field(default_factory=FakeClock)
    seconds: float = 0.0
    opened: list[str] = field(default_factory=list[str])
    sealed_to: list[str] = field(default_factory=list[str])
    killed: list[str] = field(default_factory=list[str])
    """What the next ones that open something end with."""

    def seal(self, value: bytes, public_keys: Iterable[str]) -> str:
        self.clock.advance(self.seconds)
        keys = sorted(public_keys)
        self.sealed_to.extend(keys)
        return super().seal(value, keys)

    def open(self, sealed: str) -> bytes:
        self.opened.append(sealed)
        if self.killed:
            raise SealerUnavailableError(self.killed.pop())
        return super().open(sealed)


class SlowCluster(Cluster):
    """A leader whose sealer takes that many seconds for each machine."""

    seconds = 0.0

    def elected(self) -> Leader:
        term = self.election.term(self.lease.id)
        assert term
        self.sealer = Slow("a", self.clock, self.seconds)
        return Leader(term, self.line, self.lease, self.clock, self.wake, sealer=self.sealer)


def everywhere() -> str:
    return file_with().replace("[Service]", "[X-Fleet]\nGlobal=true\n[Service]", 1)


def test_a_machine_is_not_told_before_the_delivery_is_written() -> None:
    """The secret changes at that moment, as when it is sealed to another member."""
    cluster = Cluster()
    cluster.keep()
    cluster.want("web.service", file_with(on="b"))
    changes = 0

    def meanwhile(point: str) -> None:
        nonlocal changes
        if point.startswith("before commit") and not changes:
            changes += 1
            cluster.keep(VERSION, "a", "c")

    cluster.line.gate = meanwhile
    cluster.act(full=True)
    assert changes and not cluster.homes() and not cluster.delivered()
    assert cluster.leader.deliveries.trouble == ""
    cluster.act()
    cluster.act()
    assert cluster.homes() == {"web.service": "b"}
    assert list(cluster.delivered()) == [f"b/db-password/{VERSION}"]


def test_a_secret_is_opened_once_in_a_round() -> None:
    cluster = SlowCluster()
    cluster.keep()
    cluster.want("web.service", everywhere())
    cluster.settle()
    assert len(cluster.delivered()) == 3
    assert len(cluster.sealer.sealed_to) == 3 and len(cluster.sealer.opened) == 1


def test_what_could_not_be_opened_just_then_is_tried_again_soon() -> None:
    cluster = SlowCluster()
    cluster.keep()
    cluster.want("web.service", file_with(on="b"))
    cluster.sealer.killed.append("age was killed")
    assert cluster.act(full=True) == RETRY_SECONDS and not cluster.homes()
    assert "age was killed" in cluster.leader.deliveries.trouble
    assert "fleetctl secret set" not in cluster.leader.deliveries.trouble
    for _ in range(3):
        cluster.act()
    assert cluster.homes() == {"web.service": "b"}
    assert cluster.leader.deliveries.trouble == "" and cluster.act() == 0.0


def test_a_member_whose_age_was_killed_seals_to_the_others_soon_after() -> None:
    cluster = SlowCluster()
    cluster.keep(VERSION, "a", "gone")
    members(cluster.store, "a", "new")
    machine = MachineState("a", "", "a", public_key=key_of("a"))
    one = Sealing(machine, cluster.store, cluster.sealer, cluster.wake, is_member=True)
    cluster.sealer.killed.append("age was killed")
    assert one.reconcile() == RETRY_SECONDS
    assert set(secret(cluster.store).recipients) == {"a", "gone"}
    assert one.reconcile() == 0.0
    assert set(secret(cluster.store).recipients) == {"a", "new"}


def test_a_round_does_not_seal_for_long_and_the_next_one_goes_on() -> None:
    class VerySlow(SlowCluster):
        seconds = SECONDS

    cluster = VerySlow()
    cluster.keep()
    cluster.want("web.service", everywhere())
    cluster.want("other.service")
    cluster.act(full=True)
    assert len(cluster.delivered()) == 1
    assert {"web.service", "other.service"} == cluster.homes().keys()
    told = [key for key in cluster.store.entries if key.startswith(keys.SCHEDULE)]
    assert len([key for key in told if key.endswith("web.service")]) == 1
    assert cluster.leader.deliveries.trouble == ""
    for _ in range(6):
        cluster.act()
    assert len(cluster.delivered()) == 3
    assert len(cluster.homes()["web.service"]) == 3


def drained(cluster: Cluster) -> str:
    """A unit runs on the machine that this names, which is drained then."""
    cluster.keep()
    cluster.want("web.service", file_with())
    cluster.settle()
    home = cluster.homes()["web.service"]
    state = UnitState("loaded", "active", "running", sha_of(file_with()))
    cluster.report_state(home, "web.service", state)
    cluster.settle()
    cluster.store.put(keys.eligibility_key(home), Eligibility(draining=True).to_json())
    return home


def test_a_unit_that_runs_is_not_stopped_to_go_where_its_secret_cannot_get() -> None:
    cluster = Cluster()
    home = drained(cluster)
    cluster.keep(VERSION, "gone")
    cluster.settle()
    assert cluster.homes() == {"web.service": home}
    assert "this member of etcd cannot open it" in cluster.leader.deliveries.trouble
    cluster.keep()
    cluster.settle()
    assert not cluster.homes(), "it stops, and has not yet"
    assert cluster.leader.deliveries.trouble == ""


def test_a_unit_that_moves_finds_its_secret_where_it_goes() -> None:
    cluster = Cluster()
    home = drained(cluster)
    cluster.settle()
    assert not cluster.homes()
    there = [key.partition("/")[0] for key in cluster.delivered()]
    assert len(there) == 1 and there != [home]
    cluster.store.remove(keys.state_key(home, "web.service"))
    cluster.settle()
    assert cluster.homes() == {"web.service": there[0]}
    assert len(cluster.delivered()) == 1
