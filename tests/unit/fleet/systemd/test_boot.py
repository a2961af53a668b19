"""What changes when a machine boots."""

from pathlib import Path

from fleet_cluster.fleet.systemd.boot import boot, is_reboot_required

INIT = "1 (systemd (x) y) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {} 1 2 3\n"


def test_each_boot_is_another_of_a_machine_and_of_a_container(tmp_path: Path) -> None:
    """The kernel of a container's host runs on."""
    kernel, init = tmp_path / "boot_id", tmp_path / "stat"
    kernel.write_text("4a5b\n")
    init.write_text(INIT.format(777))
    assert boot(kernel, init) == "4a5b.777"
    init.write_text(INIT.format(888))
    assert boot(kernel, init) == "4a5b.888"
    kernel.write_text("6c7d\n")
    assert boot(kernel, init) == "6c7d.888"


def test_this_machine_has_a_boot() -> None:
    assert boot() == boot() and boot().rpartition(".")[2].isdigit()


def test_the_operating_system_asks_by_a_file_be_it_a_link_to_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "reboot-required"
    assert not is_reboot_required(file)
    file.symlink_to(tmp_path / "missing")
    assert is_reboot_required(file)
