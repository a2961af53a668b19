"""YAML of what JSON can say: PyYAML reads it as it was."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.cli.yaml_text import block

ODD = (
    *("yes", "No", "null", "~", "=", "<<", "1e5", "0x1f", "12:30:45", "2026-01-05T09:12:41Z", "-"),
    *(
        "a: b",
        "#x",
        "- a",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\U0001f600",
        "web@1.service",
        "/run",
    ),
    *(".inf", "_", "", 1e-05, 1e22, -0.0, 1.5e-300, True, None, 10**30),
)
texts = st.text() | st.sampled_from([one for one in ODD if isinstance(one, str)])
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | floats | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("value", ODD)
def test_what_another_would_take_for_something_else(value: Any) -> None:
    again = yaml.safe_load(block({"a": [value]}))["a"][0]
    assert (again, type(again)) == (value, type(value))


@given(values)
def test_it_is_read_as_what_it_was(value: Any) -> None:
    assert yaml.safe_load(block(value)) == value


def test_it_is_in_block_style_and_words_stand_as_they_are() -> None:
    unit: dict[str, Any] = {
        "unit": "web@1.service",
        "machine": "3f2a91bc",
        "since": None,
        "on": ["a b", {"x": {}}],
    }
    assert (
        block([unit, unit["on"]])
        == """\
- unit: web@1.service
  machine: "3f2a91bc"
  since: null
  "on":
    - "a b"
    - x: {}
- - "a b"
  - x: {}
"""
    )


@pytest.mark.parametrize("empty", [[], {}])
def test_nothing_is_a_line_too(empty: Any) -> None:
    assert block(empty) == f"{empty}\n"
