"""Shipped journals on a machine: what is restarted for new certificates, and what is removed."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.journal_shipping import UNITS
from fleet_cluster.fleet.setup.journals.services import settle

CA = "/etc/fleet/pki/ca.crt"


class Systemctl:
    """Remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *words: str) -> str:
        self.asked.append(words)
        return ""


@pytest.mark.parametrize("changed", ["upload.key", "remote.crt", CA])
def test_units_that_run_go_on_with_new_certificates(tmp_path: Path, changed: str) -> None:
    systemctl = Systemctl()
    path = changed if changed == CA else str(tmp_path / changed)
    settle({path, "/etc/fleet/environment"}, {path}, CA, systemctl, tmp_path)
    assert systemctl.asked == [("try-restart", UNITS)]


def test_nothing_is_restarted_for_what_they_do_not_read(tmp_path: Path) -> None:
    systemctl = Systemctl()
    settle({"/etc/fleet/environment", "/etc/fleet/pki/app.crt"}, set(), CA, systemctl, tmp_path)
    assert systemctl.asked == []


def test_a_machine_that_takes_journals_no_more_keeps_no_key_for_it(tmp_path: Path) -> None:
    for name in ("upload.key", "remote.key"):
        (tmp_path / name).write_text("key")
    settle(set(), {str(tmp_path / "upload.key")}, CA, Systemctl(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["upload.key"]


def test_without_journals_there_is_no_folder_to_look_into(tmp_path: Path) -> None:
    settle(set(), set(), CA, Systemctl(), tmp_path / "journal")
