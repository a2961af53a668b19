import pulumi
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT
from standin.values import UNKNOWN, Secret, plain, plain_map, wrap, wrap_map


@pytest.mark.parametrize("value", ["text", True, 3, 2.5, ["a", 1], {"a": {"b": [False]}}])
def test_plain_values_come_back(value: object) -> None:
    assert plain(wrap(value)) == value


def test_whole_numbers_are_integers() -> None:
    assert isinstance(plain(PropertyValue(3.0)), int)


def test_unknowns_are_found_at_any_depth() -> None:
    value = PropertyValue([PropertyValue({"a": PropertyValue(UNKNOWN_TEXT)})])
    assert plain(value) == [{"a": UNKNOWN}]
    assert wrap(UNKNOWN).value == UNKNOWN_TEXT


def test_secrets_are_marked() -> None:
    wrapped = wrap(Secret({"key": "value"}))
    assert wrapped.is_secret
    assert plain(wrapped) == {"key": "value"}


def test_what_is_not_set_is_left_out() -> None:
    assert wrap_map({"a": None, "b": 1}).keys() == {"b"}
    assert plain_map({"a": PropertyValue.null(), "b": PropertyValue("x")}) == {"b": "x"}


def test_files_stay_files() -> None:
    file = pulumi.FileAsset("/etc/hosts")
    assert isinstance(plain(wrap(file)), pulumi.FileAsset)
