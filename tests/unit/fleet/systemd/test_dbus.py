"""Unit files on disk: complete, fleet's own, told from everyone else's."""

import threading
from pathlib import Path

import pytest

from fleet_cluster.fleet.systemd.dbus import DBusSystemd
from fleet_cluster.fleet.systemd.dbus_connection import CALL_SECONDS, SILENT_SECONDS, SystemBus
from fleet_cluster.fleet.systemd.manager import SystemdError
from fleet_cluster.fleet.systemd.unit_directory import DRAFT
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.units import ENDS, SLEEPS


class Disk:
    """A systemd's directories; its bus is not used."""

    def __init__(self, root: Path) -> None:
        self.units, self.own = root / "system", root / "fleet"
        self.systemd = DBusSystemd(self.units, self.own, root / "fenced")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_written_files_are_its_own(disk: Disk) -> None:
    assert disk.systemd.files() == {}
    disk.systemd.write({"a.service": SLEEPS, "b@1.service": "x"})
    assert (disk.units / "a.service").read_text() == SLEEPS
    assert disk.systemd.files() == {"a.service": sha_of(SLEEPS), "b@1.service": sha_of("x")}
    assert sorted(path.name for path in disk.units.iterdir()) == ["a.service", "b@1.service"]


def test_rewriting_replaces(disk: Disk) -> None:
    disk.systemd.write({"a.service": SLEEPS})
    disk.systemd.write({"a.service": SLEEPS})
    disk.systemd.write({"a.service": "other"})
    assert disk.systemd.files() == {"a.service": sha_of("other")}
    assert (disk.units / "a.service").read_text() == "other"


def test_files_of_others_are_not_its_own(disk: Disk) -> None:
    disk.units.mkdir()
    (disk.units / "theirs.service").write_text(SLEEPS)
    assert disk.systemd.files() == {}


def test_file_that_someone_replaced_or_removed_is_not_its_own(disk: Disk) -> None:
    disk.systemd.write({"a.service": SLEEPS, "b.service": SLEEPS})
    (disk.units / "a.service").unlink()
    (disk.units / "b.service").unlink()
    (disk.units / "b.service").write_text("theirs")
    assert disk.systemd.files() == {}


BOUND = "[Unit]\nBindsTo=web@%i.service db.service %H.service\nPartOf=all.target\n" + SLEEPS


def links(disk: Disk) -> dict[str, str]:
    found = disk.units.glob("*.wants/*")
    return {str(path.relative_to(disk.units)): str(path.readlink()) for path in found}


def targets(disk: Disk) -> dict[str, list[str]]:
    """The targets by which services start others: what they say after the description."""
    found = disk.units.glob("fleet-with-*.target")
    return {path.name: path.read_text().splitlines()[2:] for path in found}


def target(disk: Disk, service: str) -> str:
    """The target that the service wants."""
    (path,) = disk.units.glob(f"{service}.wants/fleet-with-*.target")
    assert str(path.readlink()) == f"../{path.name}"
    return path.name


INACTIVE = ["DefaultDependencies=no", "ConditionPathExists=!/"]


def test_what_is_bound_is_started_with_what_it_is_bound_to(disk: Disk) -> None:
    disk.systemd.write({"log@1.service": BOUND, "a.service": SLEEPS})
    assert disk.systemd.link_dependencies(["log@1.service", "a.service"])
    web, db = target(disk, "web@1.service"), target(disk, "db.service")
    linked = {
        f"web@1.service.wants/{web}": f"../{web}",
        f"db.service.wants/{db}": f"../{db}",
        "all.target.wants/log@1.service": "../log@1.service",
    }
    assert links(disk) == linked
    assert not disk.systemd.link_dependencies(["log@1.service", "a.service"]), "systemd knows"
    again = DBusSystemd(disk.units, disk.own, disk.units.parent / "fenced")
    assert again.link_dependencies(["log@1.service"]), "a fleetd without a past cannot tell"
    assert links(disk) == linked
    assert again.link_dependencies([]) and links(disk) == {}
    assert sorted(path.name for path in disk.units.iterdir()) == ["a.service", "log@1.service"]


def test_a_service_that_waits_to_be_restarted_starts_nothing_yet(disk: Disk) -> None:
    """Seen on systemd 257: what it starts would end its RestartSec= at once."""
    follower = "[Unit]\nBindsTo=a.service\n" + SLEEPS
    disk.systemd.write({"b.service": follower, "c.service": follower})
    disk.systemd.link_dependencies(["b.service", "c.service"])
    (lines,) = targets(disk).values()
    assert "Before=a.service" in lines and set(INACTIVE) < set(lines)
    assert [line for line in lines if line.startswith("Wants=")] == [
        "Wants=b.service",
        "Wants=c.service",
    ]
    assert disk.systemd.link_dependencies(["c.service"])
    (lines,) = targets(disk).values()
    assert lines[-1] == "Wants=c.service" and "Wants=b.service" not in lines


def test_links_of_the_version_before_lead_to_a_target_now(disk: Disk) -> None:
    disk.systemd.write({"b.service": "[Unit]\nBindsTo=a.service\n" + SLEEPS})
    (disk.units / "a.service.wants").mkdir()
    (disk.units / "a.service.wants/b.service").symlink_to("../b.service")
    assert disk.systemd.link_dependencies(["b.service"])
    now = target(disk, "a.service")
    assert links(disk) == {f"a.service.wants/{now}": f"../{now}"}


def test_a_target_of_a_long_name_is_short(disk: Disk) -> None:
    other = "a" * 240 + ".service"
    disk.systemd.write({"b.service": f"[Unit]\nBindsTo={other}\n" + SLEEPS})
    assert disk.systemd.link_dependencies(["b.service"])
    assert len(target(disk, other)) < 40


def test_a_target_that_was_written_half_is_written_again(disk: Disk) -> None:
    disk.systemd.write({"b.service": "[Unit]\nBindsTo=a.service\n" + SLEEPS})
    disk.systemd.link_dependencies(["b.service"])
    before = targets(disk)
    (disk.units / target(disk, "a.service")).write_text("[Unit]\n")
    again = DBusSystemd(disk.units, disk.own, disk.units.parent / "fenced")
    assert again.link_dependencies(["b.service"])
    assert targets(disk) == before


def test_a_changed_file_changes_what_it_is_started_with(disk: Disk) -> None:
    disk.systemd.write({"log@1.service": BOUND})
    disk.systemd.link_dependencies(["log@1.service"])
    disk.systemd.write({"log@1.service": "[Unit]\nRequires=b.service\n" + SLEEPS})
    assert disk.systemd.link_dependencies(["log@1.service"])
    now = target(disk, "b.service")
    assert list(links(disk)) == [f"b.service.wants/{now}"]


def test_links_of_others_and_fenced_units_are_left_alone(disk: Disk) -> None:
    (disk.units / "b.service.wants").mkdir(parents=True)
    (disk.units / "b.service.wants" / "theirs.service").symlink_to("/etc/systemd/theirs.service")
    fenced = "[Unit]\nBindsTo=b.service\n" + SLEEPS + "[X-Fleet]\nFence=true\n"
    disk.systemd.write({"fenced.service": fenced})
    assert not disk.systemd.link_dependencies(["fenced.service"])
    assert list(links(disk)) == ["b.service.wants/theirs.service"]
    assert targets(disk) == {}


def test_write_goes_on_after_being_killed_half_way(disk: Disk) -> None:
    disk.systemd.write({"a.service": SLEEPS})
    (disk.own / DRAFT).write_text("half")
    (disk.units / DRAFT).write_text("half")
    disk.systemd.write({"a.service": "whole"})
    assert disk.systemd.files() == {"a.service": sha_of("whole")}
    assert [path.name for path in disk.units.iterdir()] == ["a.service"]


def test_a_bus_that_does_not_answer_is_waited_for_once() -> None:
    bus = SystemBus(lambda _message: None, lambda: None)
    bus.connected = threading.Event()  # This computer may have a system bus.
    bus.patience = 0.0
    for _ in range(2):
        with pytest.raises(SystemdError, match="cannot be reached"):
            bus.run(bus.manager("ListUnits"))
        assert bus.patience == SILENT_SECONDS < CALL_SECONDS
        bus.patience = 0.0


def test_what_comes_and_goes_with_a_unit_also_through_others(disk: Disk) -> None:
    files = {"a.service": SLEEPS, "alone.service": SLEEPS}
    for name, other in {"b.service": "a", "c.service": "b"}.items():
        files[name] = f"[Unit]\nBindsTo={other}.service\n{SLEEPS}"
    disk.systemd.write(files)
    disk.systemd.link_dependencies(files)
    assert disk.systemd.bound("a.service") == {"b.service", "c.service"}
    assert disk.systemd.bound("b.service") == {"c.service"}
    job = f"[Unit]\nRequires=a.service\n{ENDS}"
    disk.systemd.write({"job.service": job})
    disk.systemd.link_dependencies([*files, "job.service"])
    assert "job.service" not in disk.systemd.bound("a.service"), "it would run again"
    disk.systemd.link_dependencies(["a.service", "c.service"])
    assert disk.systemd.bound("a.service") == set(), "one that is not to run stays down"
