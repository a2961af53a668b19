"""fleet's archive: the same sources give the same bytes, and it runs as it is."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from components.software import SOURCE, pack


def test_packing_twice_gives_the_same_archive():
    once, again = pack(), pack()
    assert once.sha == again.sha
    assert once.path.read_bytes() == again.path.read_bytes()


def test_it_holds_the_sources_and_nothing_else():
    with zipfile.ZipFile(pack().path) as archive:
        names = set(archive.namelist())
    sources = {f"fleet/{path.relative_to(SOURCE)}" for path in SOURCE.rglob("*.py")}
    assert sources <= names
    assert {"fleet/fleetd.service", "fleet/fleet-fence.service", "fleet/fleet-fence.path"} <= {
        *names
    }
    assert not any("__pycache__" in name for name in names)


def test_a_changed_source_gives_another_archive(tmp_path: Path):
    (tmp_path / "__init__.py").write_text("")
    before = pack(tmp_path)
    (tmp_path / "__init__.py").write_text("VERSION = 2\n")
    after = pack(tmp_path)
    assert before.sha != after.sha


def test_python_runs_it_and_it_names_its_steps():
    outside = {"PATH": os.environ["PATH"]}
    program = [sys.executable, str(pack().path), "no-such-step"]
    done = subprocess.run(program, capture_output=True, text=True, env=outside)
    assert done.returncode == 1
    assert done.stderr.startswith("no-such-step given; allowed: configure, etcd,")
