"""etcd's programs out of the release's archive."""

import io
import tarfile
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup.etcd_release import unpack
from fleet_cluster.fleet.setup.shell import StepError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A release: three programs, and more in folders."""
    path = tmp_path / "etcd.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name in ("etcd", "etcdctl", "etcdutl", "Documentation/etcdctl/README.md"):
            entry = tarfile.TarInfo(f"etcd-v3.6.16-linux-amd64/{name}")
            entry.size = len(name)
            packed.addfile(entry, io.BytesIO(name.encode()))
    return path


def test_a_program_that_a_power_cut_left_empty_is_unpacked_again(archive: Path, tmp_path: Path):
    folder = tmp_path / "opt"
    folder.mkdir()
    (folder / "etcdctl").touch()
    unpack(archive, "3.6.16", folder, ["etcdctl"])
    assert (folder / "etcdctl").read_bytes()


def test_only_what_is_wanted_is_unpacked_and_may_be_run(archive: Path, tmp_path: Path):
    folder = tmp_path / "opt/3.6.16"
    unpack(archive, "3.6.16", folder, ["etcdctl"])
    assert [path.name for path in folder.iterdir()] == ["etcdctl"]
    assert (folder / "etcdctl").read_text() == "etcdctl"
    assert (folder / "etcdctl").stat().st_mode & 0o777 == 0o755


def test_what_is_there_stays_and_what_is_missing_comes(archive: Path, tmp_path: Path):
    folder = tmp_path / "opt/3.6.16"
    unpack(archive, "3.6.16", folder, ["etcdctl"])
    before = (folder / "etcdctl").stat().st_ino
    unpack(archive, "3.6.16", folder, ["etcdctl", "etcd"])
    assert (folder / "etcdctl").stat().st_ino == before
    archive.unlink()
    unpack(archive, "3.6.16", folder, ["etcdctl", "etcd"])


@pytest.mark.parametrize("flaw", ["missing", "cut off", "without the program", "another version"])
def test_an_archive_that_is_no_release_is_refused(flaw: str, archive: Path, tmp_path: Path):
    if flaw == "missing":
        archive.unlink()
    if flaw == "cut off":
        archive.write_bytes(archive.read_bytes()[:60])
    program = "etcdtop" if flaw == "without the program" else "etcd"
    version = "3.6.1" if flaw == "another version" else "3.6.16"
    with pytest.raises(StepError, match=f"is no release of etcd {version} with {program}"):
        unpack(archive, version, tmp_path / "opt", [program])
