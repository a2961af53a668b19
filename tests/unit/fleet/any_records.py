"""Any records, for property tests: right but for a field or two, or plain nonsense."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.reboots import RebootLock, RebootPhase, RebootRequest
from fleet_cluster.fleet.model.record import BadRecordError, Record
from fleet_cluster.fleet.model.records import (
    Assignment,
    Claim,
    DesiredState,
    Eligibility,
    MachineState,
    Metadata,
    Move,
    Order,
    Unit,
    UnitState,
    Verb,
)
from fleet_cluster.fleet.model.releases import Canary, Release
from fleet_cluster.fleet.model.runs import Run, RunReport, Timer
from fleet_cluster.fleet.model.secrets import Delivery, Recipient, SecretVersion
from fleet_cluster.fleet.model.service_records import ServiceRecord
from fleet_cluster.fleet.model.wire import to_wire
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.sealer import key_of
from tests.unit.fleet.fakes.units import SLEEPS

SHA = sha_of(SLEEPS)
MACHINES = ("m1", "m2", "m3")
UNITS = ("x.service", "y@1.service", "y@.service")
ODD = ("", "a/b", "-o", "a\nb", "a'b", "\x1b[1m", "\udcff", "a b", "." * 300, "é")
EXAMPLES: dict[str, Record] = {
    keys.MACHINES: MachineState("m2", "10.0.0.2", "machine-2", {"role": "web"}, "2"),
    keys.UNITS: Unit(SHA, DesiredState.LAUNCHED, "owner", 1.0, {"m2": SHA}),
    keys.SCHEDULE: Assignment(
        SHA, DesiredState.LAUNCHED, "why", {"m2": "not"}, 1.0, "m2", 2.0, "m3", True
    ),
    keys.STATES: UnitState("loaded", "active", "running", SHA, 1.0, True, "none", "line", 2.0),
    keys.ELIGIBILITY: Eligibility(draining=True, since=1.0),
    keys.METADATA: Metadata({"disk": "ssd"}),
    keys.MOVES: Move("m1", "m2"),
    keys.ORDERS: Order(Verb.RESTART),
    keys.CLAIMS: Claim("token", "digest"),
    keys.REBOOTS: RebootRequest("s", "machine-2", "an operator", 1.0),
    keys.REBOOT_LOCK: RebootLock("m2", "1st", RebootPhase.REBOOTING, "s", since=1.0),
    keys.RELEASES: Release(SHA, 1.0, "anna@laptop", "/x.service", True),
    keys.INTERNAL: ServiceRecord("10.0.0.2", "x.service", "m2", 5000),
    keys.CANARIES: Canary(SHA, SHA, 1.0, "anna@laptop", "/x.service"),
    keys.RUNS: Run("m2", 1.0, 1.0, "anna@laptop"),
    keys.TIMERS: Timer(1.0, 2.0, True, SHA, "0123"),
    keys.RUN_REPORTS: RunReport("1st", "ab", 1.0, 2.0, "exit-code", 1),
    keys.SECRETS: SecretVersion("sealed", {"m2": key_of("m2")}, 1.0, "anna@laptop"),
    keys.RECIPIENTS: Recipient(key_of("m2"), "machine-2"),
    keys.CREDENTIALS: Delivery("sealed", key_of("m2")),
}
BY_MACHINE = (keys.MACHINES, keys.ELIGIBILITY, keys.METADATA, keys.REBOOTS, keys.RECIPIENTS)
PLACES = (
    keys.SCHEDULE,
    keys.STATES,
    keys.ORDERS,
    keys.RELEASES,
    keys.RUNS,
    keys.RUN_REPORTS,
    keys.SECRETS,
    keys.CREDENTIALS,
)


@dataclass(frozen=True)
class Entry:
    """A key that somebody has written, and its value."""

    key: str
    value: str

    @property
    def is_malformed(self) -> bool:
        """Whether it is no record that a cluster could have written there."""
        prefix = next((one for one in EXAMPLES if self.key.startswith(one)), "")
        try:
            return bool(keys.fault(self.key)) or (
                bool(prefix) and not type(EXAMPLES[prefix]).from_json(self.value)
            )
        except BadRecordError:
            return True


_numbers = st.sampled_from([0, -1, 2**70, 10**400, 1e300, float("nan"), float("inf"), 0.5])
_texts = st.one_of(st.sampled_from(ODD), st.text(max_size=5))
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, _texts),
    lambda one: st.lists(one, max_size=2) | st.dictionaries(_texts, one, max_size=2),
    max_leaves=4,
)
_nonsense = st.sampled_from(["", "{", "null", "[" * 10_000, "\ufffd\ufffd", '{"a":1e999}', "[]"])


@st.composite
def _bent(draw: st.DrawFn, record: Record) -> str:
    """A record of which some fields are missing, or of another type, or odd."""
    wire = to_wire(record)
    for name in draw(st.lists(st.sampled_from(sorted(wire)), max_size=2, unique=True)):
        if draw(st.booleans()):
            wire[name] = draw(_json)
        else:
            del wire[name]
    return json.dumps(wire)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """An entry under a prefix of fleet's own: its key or its value may be odd, or both."""
    prefix = draw(st.sampled_from([*EXAMPLES, keys.FILES, keys.ADDRESSES, keys.ROOT + "other/"]))
    machine = draw(st.one_of(st.sampled_from(MACHINES), st.sampled_from(ODD)))
    unit = draw(st.one_of(st.sampled_from(UNITS), st.sampled_from(ODD)))
    name = machine if prefix in BY_MACHINE else unit
    key = prefix + (f"{machine}/{unit}" if prefix in PLACES else name)
    if prefix == keys.REBOOT_LOCK:
        key = prefix
    values: list[st.SearchStrategy[Any]] = [_nonsense, _json.map(json.dumps)]
    if prefix in EXAMPLES:
        values = [_nonsense, *[_bent(EXAMPLES[prefix])] * 3]
    return Entry(key, draw(st.one_of(values)))
