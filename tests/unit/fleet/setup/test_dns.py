"""CoreDNS on a machine: its program out of the release, and what of it is started anew."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster.fleet.setup.dns import coredns
from fleet_cluster.fleet.setup.dns.files import COREFILE, PKI, RESOLVED, UNIT, UNIT_FILE
from fleet_cluster.fleet.setup.shell import StepError

RELOAD, ENABLE = ("daemon-reload",), ("enable", UNIT)
RESOLVER_ANEW = ("restart", "systemd-resolved.service")
START, RESTART = ("start", UNIT), ("restart", UNIT)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A release: one program."""
    path = tmp_path / "coredns.tgz"
    pack(path, "coredns", b"of the release")
    return path


def pack(path: Path, name: str, content: bytes) -> None:
    with tarfile.open(path, "w:gz") as packed:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        packed.addfile(entry, io.BytesIO(content))


@pytest.fixture
def resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """systemd-resolved's program, which is there."""
    path = tmp_path / "systemd-resolved"
    path.touch()
    monkeypatch.setattr(coredns, "RESOLVER", path)
    monkeypatch.setattr(coredns, "MASK", tmp_path / "systemd-resolved.service")
    yield path


def started(*changed: str) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []
    coredns.start(set(changed), lambda *words: calls.append(words) or "")
    return calls


def test_each_version_is_unpacked_once_and_may_be_run(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "opt"
    coredns.install("1.15.0", archive, folder)
    program = folder / "1.15.0/coredns"
    assert program.read_bytes() == b"of the release"
    assert program.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in program.parent.iterdir()] == ["coredns"]
    archive.unlink()
    coredns.install("1.15.0", archive, folder)


def test_a_program_that_a_power_cut_left_empty_is_unpacked_again(
    archive: Path, tmp_path: Path
) -> None:
    program = tmp_path / "opt/1.15.0/coredns"
    program.parent.mkdir(parents=True)
    program.touch()
    coredns.install("1.15.0", archive, tmp_path / "opt")
    assert program.read_bytes() == b"of the release"


def test_what_runs_stays_until_the_other_version_does(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "opt"
    coredns.install("1.14.0", archive, folder)
    coredns.install("1.15.0", archive, folder)
    assert {path.name for path in folder.iterdir()} == {"1.14.0", "1.15.0"}
    coredns.remove_others("1.15.0", folder)
    assert [path.name for path in folder.iterdir()] == ["1.15.0"]


@pytest.mark.parametrize("flaw", ["missing", "cut off", "without the program", "a folder"])
def test_an_archive_that_is_no_release_is_refused(flaw: str, archive: Path, tmp_path: Path) -> None:
    if flaw == "missing":
        archive.unlink()
    if flaw == "cut off":
        archive.write_bytes(archive.read_bytes()[:60])
    if flaw == "without the program":
        pack(archive, "README.md", b"")
    if flaw == "a folder":
        with tarfile.open(archive, "w:gz") as packed:
            folder = tarfile.TarInfo("coredns")
            folder.type = tarfile.DIRTYPE
            packed.addfile(folder)
    folder = tmp_path / "opt"
    with pytest.raises(StepError, match=r"is no release of CoreDNS 1\.15\.0.*pulumi up again"):
        coredns.install("1.15.0", archive, folder)
    assert not (folder / "1.15.0/coredns").exists(), "the next attempt begins anew"


@pytest.mark.parametrize(
    ("changed", "calls"),
    [
        ([], [ENABLE, START]),
        (["/etc/docker/daemon.json"], [ENABLE, START]),
        ([UNIT_FILE], [RELOAD, ENABLE, RESTART]),
        ([COREFILE], [ENABLE, RESTART]),
        ([f"{PKI}/tls.crt"], [ENABLE, RESTART]),
        ([f"{PKI}/ca.crt"], [ENABLE, RESTART]),
        ([RESOLVED], [RESOLVER_ANEW, ENABLE, START]),
        ([UNIT_FILE, RESOLVED], [RELOAD, RESOLVER_ANEW, ENABLE, RESTART]),
    ],
)
@pytest.mark.usefixtures("resolver")
def test_what_reads_a_file_that_is_another_is_started_anew(
    changed: list[str], calls: list[tuple[str, ...]]
) -> None:
    assert started(*changed) == calls


@pytest.mark.parametrize("flaw", ["missing", "masked"])
def test_a_machine_without_a_resolver_is_told_of_and_goes_on(
    resolver: Path, capsys: pytest.CaptureFixture[str], flaw: str
) -> None:
    if flaw == "missing":
        resolver.unlink()
    else:
        coredns.MASK.symlink_to("/dev/null")
    assert not coredns.has_resolver()
    assert started(UNIT_FILE, RESOLVED, COREFILE) == [RELOAD]
    assert "apt-get install systemd-resolved" in capsys.readouterr().err


def test_units_are_started_when_their_containers_have_whom_to_ask() -> None:
    text = Path(coredns.__file__).parents[1].joinpath("services/fleetd.service").read_text()
    (order,) = [line for line in text.splitlines() if line.startswith("After=")]
    assert UNIT in order.split()
