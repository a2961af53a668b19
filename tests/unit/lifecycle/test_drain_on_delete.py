"""What a machine tells of itself is checked before another runs a command with it."""

import pulumi
import pytest

from fleet_cluster._lifecycle.drain_on_delete import machine_id


def test_id_of_a_machine() -> None:
    assert machine_id("0a" * 16 + "\n") == "0a" * 16


@pytest.mark.parametrize("told", ["", "a\nb", "quo'te", "esc\x1b[1mape", "a; b", "$(a)", "-a"])
def test_what_is_no_id_becomes_no_word_of_a_command(told: str) -> None:
    with pytest.raises(pulumi.RunError, match="/etc/machine-id .* is no machine's id"):
        machine_id(told)
