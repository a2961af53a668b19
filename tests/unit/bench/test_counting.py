"""The bench's counters, on folders as the kernel has them."""

import subprocess
import sys
from pathlib import Path

from bench.counting import processes_named


def test_processes_are_counted_by_their_whole_name(tmp_path: Path):
    for pid, name in ((1, "systemd"), (20, "sleeper"), (21, "sleeper"), (22, "sleeper-2")):
        process(tmp_path, pid, name)
    (tmp_path / "23").mkdir()  # It has ended while the folder was read.
    with subprocess.Popen(
        [sys.executable, "-c", processes_named("sleeper", str(tmp_path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as counter:
        assert counter.stdin
        assert counter.stdout
        assert counter.stdout.readline().split()[1] == "2"
        process(tmp_path, 24, "sleeper")
        assert counter.stdout.readline().split()[1] == "3"
        counter.stdin.close()
        assert counter.wait(10) == 0


def process(folder: Path, pid: int, name: str) -> None:
    """As procfs has it."""
    (folder / f"new-{pid}").mkdir()
    (folder / f"new-{pid}" / "comm").write_text(f"{name}\n")
    (folder / f"new-{pid}").rename(folder / str(pid))
