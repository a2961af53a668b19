"""Records of etcd: what is not as it should be is found when it is read, not by whom it hits."""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from fleet_cluster.fleet.model.record import BadRecordError, Record
from fleet_cluster.fleet.model.records import (
    Assignment,
    DesiredState,
    Eligibility,
    MachineState,
    Unit,
    UnitState,
)
from fleet_cluster.fleet.model.wire import wire

RECORDS = [
    Assignment("s", DesiredState.LAUNCHED, "why", {"m": "not"}, 1.0, "m", 2.0, "n", True),
    MachineState("m", "10.0.0.1", "machine-1", {"role": "web"}, "2"),
    Eligibility(draining=True, since=1.0),
    Unit("s", DesiredState.LOADED, "owner", 1.0, {"m": "old"}),
    UnitState(
        "loaded", "active", "running", "s", 1.0, orphan=True, problem="none", start_requested_at=2.0
    ),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_record_survives_its_journey(record: Record) -> None:
    assert type(record).from_json(record.to_json()) == record


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Unit, "[]"),
        (Unit, '{"target":"launched"}'),
        (Unit, '{"sha":["s"],"target":"launched"}'),
        (Unit, '{"sha":"s","target":"up"}'),
        (Unit, '{"sha":"s","kept":{"m":1}}'),
        (Unit, '{"sha":"s","kept":null}'),
        (MachineState, '{"id":"m","address":"a","hostname":"h","metadata":"role=web"}'),
        (UnitState, '{"load":"loaded","active":"active","sub":"x","sha":"s","since":"now"}'),
        (Eligibility, '{"draining":"no"}'),
        (Eligibility, '{"since":true}'),
    ],
)
def test_record_with_a_field_of_another_type_is_refused(kind: type[Record], text: str) -> None:
    with pytest.raises(BadRecordError, match="not a .* record"):
        kind.from_json(text)


def test_fields_of_another_version_are_ignored() -> None:
    assert Eligibility.from_json('{"cordoned":true,"colour":3}') == Eligibility()
    assert Eligibility.from_json('{"cordoned":true,"kind":"of another version"}') == Eligibility()


@dataclass(frozen=True)
class Renamed(Record):
    """A record whose field was called `told` before."""

    kind: ClassVar[str] = "renamed"
    start_requested_at: float = field(default=0.0, metadata=wire("told"))
    told_by: str = ""


def test_a_renamed_attribute_keeps_its_name_in_json() -> None:
    text = '{"told":2.5,"told_by":"m"}'
    assert Renamed(2.5, "m").to_json() == text
    assert Renamed.from_json(text) == Renamed(2.5, "m")
    assert Renamed.from_json('{"start_requested_at":2.5}') == Renamed()
    with pytest.raises(BadRecordError, match="told is 'now'"):
        Renamed.from_json('{"told":"now"}')
