"""etcd's service on a machine, as the set-up leaves it."""

import shutil
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup.etcd_service import UNIT, UNIT_FILE, EtcdService, retire, unit
from fleet_cluster.fleet.setup.files import File
from fleet_cluster.fleet.setup.shell import StepError


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


def test_what_was_broken_off_before_all_of_etcd_was_gone_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folders, rmtree = [tmp_path / "pki", tmp_path / "data"], shutil.rmtree
    for folder in folders:
        folder.mkdir()

    def broken_off(path: Path, ignore_errors: bool = False) -> None:
        if not all(folder.exists() for folder in folders):
            raise KeyboardInterrupt
        rmtree(path, ignore_errors)

    def systemctl(*_: str) -> str:
        return "not-found"

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", broken_off)
        retire(systemctl, *folders)
    retire(systemctl, *folders)
    assert list(tmp_path.iterdir()) == []


def test_a_unit_file_that_systemd_refused_to_read_is_read_the_next_time(tmp_path: Path):
    """Or the version before goes on, taken for the new one, whose programs alone are kept."""
    files: dict[str, str] = {}
    loaded, has_room = [""], [False]

    def systemctl(*arguments: str) -> str:
        on_disk = files.get(UNIT_FILE, "")
        if arguments[0] == "daemon-reload":
            if not has_room[0]:
                raise StepError("Refusing to reload, not enough space available on /run/systemd.")
            loaded[0] = on_disk
        if "--property=NeedDaemonReload" in arguments:
            return "no\n" if loaded[0] == on_disk else "yes\n"
        return ""

    def write(path: str, file: File) -> bool:
        before, files[path] = files.get(path), file.text
        return before != file.text

    service = EtcdService("3.6.16", tmp_path, tmp_path / "x", systemctl, write, lambda _: "")
    with pytest.raises(StepError, match="enough space"):
        service.restart({})
    has_room[0] = True
    service.restart({})
    assert loaded == [unit("3.6.16")]
