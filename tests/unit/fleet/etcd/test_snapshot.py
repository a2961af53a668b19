"""A snapshot that was cut short or damaged is told from a whole one."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.etcd.snapshot import SnapshotError, check
from tests.unit.fleet.backup.snapshots import snapshot

WHOLE = snapshot()


def test_a_whole_one_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    path.write_bytes(WHOLE)
    assert check(path) == len(WHOLE)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no whole snapshot"),
        (WHOLE[:-1], "no whole snapshot"),
        (WHOLE[:-32], "file of etcd's data folder"),
        (WHOLE[:512] + WHOLE[-32:], "is damaged"),
        (b"X" + WHOLE[1:], "is damaged"),
        (WHOLE[:-1] + b"X", "is damaged"),
    ],
)
def test_another_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "fleet.db"
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match=f"fleet.db.*{why}"):
        check(path)
