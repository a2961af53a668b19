"""etcd's service on a machine, as the set-up leaves it."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.setup.etcd_service import UNIT, retire


@pytest.mark.parametrize(("load", "disabled"), [("loaded", True), ("not-found", False)])
def test_a_machine_that_is_no_member_any_more_keeps_nothing_of_etcd(
    tmp_path: Path, load: str, disabled: bool
):
    """Also one that was told to be a member and has never become one: it has no unit."""
    calls: list[tuple[str, ...]] = []

    def systemctl(*arguments: str) -> str:
        calls.append(arguments)
        return f"{load}\n" if arguments[0] == "show" else ""

    for folder in ("pki", "data"):
        (tmp_path / folder).mkdir()
    retire(systemctl, tmp_path / "pki", tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
    assert (("disable", "--now", UNIT) in calls) == disabled
    calls.clear()
    retire(systemctl, tmp_path / "pki", tmp_path / "data")
    assert calls == []
