"""Strings from the cluster: checked before ssh, a shell or a file sees them, escaped when shown."""

import json

import pytest

from fleet_cluster.fleet.cluster_state.state import ClusterState
from fleet_cluster.fleet.kv import Snapshot
from fleet_cluster.fleet.model import keys
from fleet_cluster.fleet.model.printable import printable
from fleet_cluster.fleet.model.record import BadRecordError
from fleet_cluster.fleet.model.records import MachineState
from tests.unit.fleet.cluster_states import entries

ODD = ["line\nbreak", "quo'te", 'quo"te', "esc\x1b[1mape", "-option", "spa ce", "$word", "a;b"]
GOOD = {"id": "0a" * 16, "address": "10.0.0.1", "hostname": "machine-1"}


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("field", GOOD)
def test_machine_with_an_odd_field_is_refused_where_it_is_decoded(field: str, odd: str) -> None:
    assert MachineState.from_json(json.dumps(GOOD)).version == ""
    with pytest.raises(BadRecordError, match="is no machine's .*; allowed: "):
        MachineState.from_json(json.dumps({**GOOD, field: odd}))


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1", "::1", "machine-1.example", ""])
def test_addresses_that_there_are(address: str) -> None:
    assert MachineState("m", address, "h").address == address


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("prefix", [keys.ELIGIBILITY, keys.METADATA, keys.SCHEDULE, keys.STATES])
def test_key_with_an_odd_machine_is_left_out(prefix: str, odd: str) -> None:
    warnings: list[str] = []
    key = f"{prefix}{odd}/u.service" if prefix in (keys.SCHEDULE, keys.STATES) else prefix + odd
    good = '{"sha":"s","target":"launched","load":"l","active":"a","sub":"s"}'
    ClusterState.of(Snapshot(1, entries({key: good})), warnings.append)
    (warning,) = warnings
    assert warning.startswith(f"{printable(key)} cannot be used: ") and warning.isprintable()


@pytest.mark.parametrize("odd", ["line\nbreak.service", "esc\x1b[1mape.service"])
@pytest.mark.parametrize("prefix", [keys.UNITS, keys.MOVES])
def test_unit_whose_name_cannot_be_seen_is_left_out(prefix: str, odd: str) -> None:
    warnings: list[str] = []
    good = '{"sha":"s","target":"launched","source":"a"}'
    state = ClusterState.of(Snapshot(1, entries({prefix + odd: good})), warnings.append)
    assert not state.units and not state.moves
    assert len(warnings) == 1 and warnings[0].isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße aus 東京", "Grüße aus 東京"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[1m\x07\x9b", r"\x1b[1m\x07\x9b"),
        ("\u202eevil", r"\u202eevil"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_layout_is_left_as_it_is() -> None:
    assert printable("a\nb\tc\r", "\n\t") == "a\nb\tc\\r"
