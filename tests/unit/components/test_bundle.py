"""fleet's archive: the same sources give the same bytes, and it runs as it is."""

import hashlib
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
import pytest

from fleet_cluster._bundle import KEEP_SECONDS, SOURCE, cache, pack
from fleet_cluster.fleet.setup.fleetd.upgrade import SERVICES


@pytest.fixture(autouse=True)
def of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives go to a cache of the test's own."""
    monkeypatch.setenv("FLEET_CLUSTER_CACHE", str(tmp_path / "cache"))


def test_packing_twice_gives_the_same_archive():
    once = pack()
    before = once.path.read_bytes()
    again = pack()
    assert once == again
    assert before == again.path.read_bytes()


def test_programs_that_pack_at_once_leave_one_whole_file():
    with ThreadPoolExecutor(8) as programs:
        [software] = set(programs.map(pack, [SOURCE] * 16))
    assert list((cache() / "software").iterdir()) == [software.path]
    assert hashlib.sha256(software.path.read_bytes()).hexdigest() == software.sha


def test_a_cache_that_cannot_be_written_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FLEET_CLUSTER_CACHE", str(tmp_path / "file"))
    with pytest.raises(pulumi.RunError, match="cannot be put into .*/file/software: .* Next step"):
        pack()


def test_what_is_damaged_is_written_anew():
    path = pack().path
    path.write_bytes(b"")
    assert zipfile.is_zipfile(pack().path)


def test_what_nobody_has_asked_for_in_a_week_goes():
    folder = pack().path.parent
    for name, age in (("old.zip", KEEP_SECONDS + 60), ("others.zip", KEEP_SECONDS - 60)):
        path = folder / name
        path.touch()
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
    current = pack().path.name
    assert {path.name for path in folder.iterdir()} == {current, "others.zip"}


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert cache() == tmp_path / "cache"
    monkeypatch.delenv("FLEET_CLUSTER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache() == tmp_path / "fleet-cluster"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache() == Path("/home/somebody/.cache/fleet-cluster")


def test_it_holds_the_sources_and_nothing_else():
    with zipfile.ZipFile(pack().path) as archive:
        names = set(archive.namelist())
    sources = {f"fleet/{path.relative_to(SOURCE)}" for path in SOURCE.rglob("*.py")}
    assert sources <= names
    assert {f"fleet/setup/services/{name}" for name in SERVICES} <= {*names}
    assert not any("__pycache__" in name for name in names)


def test_a_changed_source_gives_another_archive(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "__init__.py").write_text("")
    before = pack(source)
    (source / "__init__.py").write_text("VERSION = 2\n")
    after = pack(source)
    assert before.sha != after.sha


def test_python_runs_it_and_it_names_its_steps():
    outside = {"PATH": os.environ["PATH"]}
    program = [sys.executable, str(pack().path), "no-such-step"]
    done = subprocess.run(program, capture_output=True, text=True, env=outside)
    assert done.returncode == 1
    assert done.stderr.startswith("no-such-step given; allowed: configure, etcd,")
