"""fleetd is upgraded, and goes back to the version before if the new one is not healthy."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest

from fleet_cluster.fleet.setup.files import File
from fleet_cluster.fleet.setup.fleetd.upgrade import SERVICES, Upgrade
from fleet_cluster.fleet.setup.fleetd.versions import Versions
from fleet_cluster.fleet.setup.shell import StepError

OLD, NEW = "old", "new"


class Machine:
    """Its folders, its unit files, and its systemd."""

    def __init__(self, folder: Path) -> None:
        self.versions = Versions(folder / "opt")
        self.units = folder / "units"
        self.conf = folder / "fleet.conf"
        self.calls: list[str] = []
        self.broken: set[str] = set()
        """Versions of fleetd that do not start."""
        self.ends: set[str] = set()
        """Services that end after they were started with the new version."""
        self.faulty: dict[str, set[str]] = {}
        """What is wrong, by version."""
        self.restarts = Counter[str]()

    def bring(self, name: str) -> None:
        """What the step `configure` does."""
        services = self.versions.folder / name / "fleet/setup/services"
        services.mkdir(parents=True, exist_ok=True)
        for service in SERVICES:
            (services / service).write_text(f"[Unit]\nDescription={service} {name}\n")
        self.versions.bring(name)
        self.versions.conf(name).write_text(f"conf of {name}")

    def upgrade(self) -> None:
        """What the step `fleetd` does."""
        own = (self._systemctl, self._write, self.units, self.conf)
        Upgrade(self.versions, self._faults, *own, patience=0, probation=0).carry_out()

    def folders(self) -> set[str]:
        """Versions that are there."""
        return {one.name for one in self.versions.folder.iterdir() if not one.is_symlink()}

    def unit(self) -> str:
        """fleetd's unit file."""
        return (self.units / "fleetd.service").read_text()

    def _faults(self) -> frozenset[str]:
        return frozenset(self.faulty.get(self.versions.running, ()))

    def _write(self, path: str, file: File) -> bool:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(file.text)
        return True

    def _systemctl(self, *words: str, seconds: int = 0) -> str:
        self.calls.append(" ".join(words))
        if words[0] == "show":
            if words[-1] in self.ends and self.versions.running == NEW:
                self.restarts[words[-1]] += 1
            return f"{self.restarts[words[-1]]}\n"
        if words == ("restart", "fleetd.service") and self.versions.running in self.broken:
            raise StepError(f"{self.versions.running} exited with 1")
        return ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One that runs the old version, and has the new one."""
    machine = Machine(tmp_path)
    machine.bring(OLD)
    machine.upgrade()
    machine.bring(NEW)
    machine.calls.clear()
    return machine


def test_what_the_set_up_brings_runs_when_its_turn_has_come(machine: Machine) -> None:
    assert (machine.versions.current, machine.versions.running) == (NEW, OLD)
    assert machine.folders() == {OLD, NEW} and OLD in machine.unit()
    assert machine.conf.read_text() == "conf of old"
    machine.upgrade()
    assert machine.conf.read_text() == "conf of new"
    assert machine.versions.running == NEW and NEW in machine.unit()
    assert machine.folders() == {NEW}


def test_the_fence_is_restarted_with_it(machine: Machine) -> None:
    machine.upgrade()
    restarts = [call for call in machine.calls if "restart" in call]
    assert restarts == ["restart fleetd.service", "try-restart fleet-fence.service"]


def breaks(machine: Machine) -> None:
    machine.broken.add(NEW)


def is_faulty(machine: Machine) -> None:
    machine.faulty[NEW] = {"the round"}


def ends(machine: Machine) -> None:
    machine.ends.add("fleetd.service")


def has_a_fence_that_ends(machine: Machine) -> None:
    machine.ends.add("fleet-fence.service")


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (breaks, "new exited with 1"),
        (is_faulty, "the round"),
        (ends, "fleetd.service ended"),
        (has_a_fence_that_ends, "fleet-fence.service ended"),
    ],
)
def test_what_is_not_healthy_gives_way_to_the_version_before(
    machine: Machine, fault: Callable[[Machine], None], why: str
) -> None:
    fault(machine)
    with pytest.raises(StepError, match=f"new does not become healthy.*so old runs again.*{why}"):
        machine.upgrade()
    assert machine.versions.running == OLD and OLD in machine.unit()
    assert machine.folders() == {OLD, NEW}
    assert [one for one in machine.calls if one.startswith("restart")][-1:] == [
        "restart fleetd.service"
    ]
    assert machine.conf.read_text() == "conf of old"
    machine.bring("newer")
    machine.upgrade()
    assert machine.folders() == {"newer"} and machine.versions.running == "newer"


def test_a_step_that_is_run_again_tries_the_new_version_again(machine: Machine) -> None:
    breaks(machine)
    for _ in range(2):
        with pytest.raises(StepError, match="old runs again"):
            machine.upgrade()
    machine.broken.clear()
    machine.upgrade()
    assert machine.versions.running == NEW


def test_it_says_when_the_version_before_does_not_start_either(machine: Machine) -> None:
    machine.broken |= {OLD, NEW}
    with pytest.raises(StepError, match="old is to run again, and does not start: old exited"):
        machine.upgrade()


def test_faults_that_the_version_before_had_as_well_do_not_count(machine: Machine) -> None:
    machine.faulty = {OLD: {"etcd"}, NEW: {"etcd"}}
    machine.upgrade()
    assert machine.versions.running == NEW


def test_a_machine_of_before_there_were_two_links_runs_on_what_it_has(tmp_path: Path) -> None:
    (tmp_path / OLD).mkdir()
    (tmp_path / NEW).mkdir()
    (tmp_path / "current").symlink_to(OLD)
    versions = Versions(tmp_path)
    versions.bring(NEW)
    assert (versions.current, versions.running) == (NEW, OLD)


def test_a_version_of_before_goes_back_to_the_settings_that_it_had(machine: Machine) -> None:
    """All versions had one fleet.conf, and an older one knows no newer fields."""
    machine.versions.conf(OLD).unlink()
    (machine.versions.folder / OLD / "fleet/setup/services/fleet-prune-images.timer").unlink()
    breaks(machine)
    with pytest.raises(StepError, match="old runs again"):
        machine.upgrade()
    assert machine.conf.read_text() == "conf of old"


def test_a_new_machine_has_no_version_to_go_back_to(machine: Machine, tmp_path: Path) -> None:
    new = Machine(tmp_path / "another")
    new.bring(NEW)
    new.broken.add(NEW)
    with pytest.raises(StepError, match="^new exited with 1$"):
        new.upgrade()


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nok\n", set[str]()),
        (b"HTTP/1.1 503 No\r\n\r\nlease: 3 s old\n2 units\n", {"lease", "N units"}),
        (b"HTTP/1.1 503 No\r\nContent-Length: 99\r\n\r\nlea", {"/healthz does not answer"}),
        (b"", {"/healthz does not answer"}),
    ],
)
def test_a_fleetd_that_ends_in_the_middle_of_its_answer_does_not_answer(
    answer: bytes, faults: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Or the upgrade would end there, and the version before not run again."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        found = Upgrade.here(Versions(tmp_path), address).faults()
        thread.join()
    assert found == faults


def test_a_version_that_cannot_be_written_is_gone_back_from(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    """Or the next pulumi up would take it for the one that runs, and prove nothing of it."""

    def full(path: str, file: File) -> bool:
        if file.text == f"conf of {NEW}":
            raise OSError("No space left on device")
        return bool(Path(path).write_text(file.text))

    monkeypatch.setattr(machine, "_write", full)
    with pytest.raises(StepError, match=f"{OLD} runs again.*No space left"):
        machine.upgrade()
    assert machine.versions.running == OLD
    assert machine.conf.read_text() == f"conf of {OLD}"
