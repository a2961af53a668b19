"""The step `configure`, with all that it does to a machine left out but for files and systemd."""

import json
import zipfile
from pathlib import Path
from threading import Thread

import pytest

from fleet_cluster.fleet.setup import configure as step
from fleet_cluster.fleet.setup.dns import coredns
from fleet_cluster.fleet.setup.dns.files import RESOLVED, UNIT
from fleet_cluster.fleet.setup.files import DOCKER, File
from fleet_cluster.fleet.setup.fleetd.versions import Versions
from fleet_cluster.fleet.setup.inputs import Configuration
from fleet_cluster.fleet.setup.shell import StepError

from .test_files import CONFIGURATION

Calls = list[tuple[str, ...]]


def nothing(*_: object, **__: object) -> str:
    return ""


class Machine:
    """A machine, whose Docker may not start."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.calls: Calls = []
        self.docker_starts = True
        self._files: dict[str, File] = {}
        patch.setattr(step.config, "PATH", folder / "fleet.conf")
        paths = (str(folder / "fleet.conf"), DOCKER, RESOLVED)
        self._wanted = {path: File("{}") for path in paths}
        (folder / "machine-id").write_text("3f2a91bc")
        self._replace(patch, folder)
        for name in ("unpack", "install", "run"):
            patch.setattr(step, name, nothing)
        patch.setattr(step.age_key, "make", nothing)
        patch.setattr(step.journals, "settle", nothing)
        patch.setattr(coredns, "install", nothing)
        patch.setattr(coredns, "remove_others", nothing)

    def _replace(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        start = coredns.start

        def path(path: str) -> Path:
            return folder / Path(path).name

        def given(configuration: Configuration[str]) -> Configuration[str]:
            return configuration

        def files(*_: object, **__: object) -> dict[str, File]:
            return dict(self._wanted)

        def started(changed: set[str]) -> None:
            start(changed, self._systemctl)

        own = {
            "Path": path,
            "with_trusted": given,
            "files": files,
            "runs_containers": lambda: False,
            "write": self._write,
            "differs": self._differs,
            "systemctl": self._systemctl,
            "UNSETTLED": folder / "unsettled",
        }
        for name, value in own.items():
            patch.setattr(step, name, value, raising=False)
        patch.setattr(coredns, "has_resolver", lambda: True)
        patch.setattr(coredns, "start", started)

    def configure(self) -> Calls:
        """What the step has systemd do."""
        self.calls.clear()
        step.configure(json.dumps(CONFIGURATION.to_wire()))
        return list(self.calls)

    def _differs(self, path: str, file: File) -> bool:
        return self._files.get(path) != file

    def _write(self, path: str, file: File) -> bool:
        differs = self._differs(path, file)
        self._files[path] = file
        return differs

    def _systemctl(self, *words: str) -> str:
        if words == ("start", "docker.service") and not self.docker_starts:
            raise StepError("docker.service failed")
        self.calls.append(words)
        return ""


def test_what_a_set_up_that_was_broken_off_has_written_is_read_after_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Or containers would ask systemd-resolved for names where it does not answer yet."""
    machine = Machine(tmp_path, monkeypatch)
    machine.docker_starts = False
    with pytest.raises(StepError):
        machine.configure()
    machine.docker_starts = True
    calls = machine.configure()
    assert ("restart", "docker.service") in calls
    assert ("restart", "systemd-resolved.service") in calls
    assert machine.configure() == [("enable", UNIT), ("start", UNIT)]


def test_a_set_up_that_still_goes_on_takes_nothing_from_the_one_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It removes the versions that it does not know at its end."""
    with zipfile.ZipFile(tmp_path / "bundle", "w") as packed:
        packed.writestr("fleet/first.py", "")
    versions = Versions(tmp_path / "opt")
    other = Thread(target=Versions(tmp_path / "opt").tidy)

    def compile_while_the_other_ends(_: Path, quiet: int) -> None:
        other.start()
        other.join(timeout=0.5)

    monkeypatch.setattr(step.compileall, "compile_dir", compile_while_the_other_ends)
    step.unpack(tmp_path / "bundle", "3f2a" * 16, versions)
    other.join()
    assert (versions.folder / "current/fleet/first.py").exists()
