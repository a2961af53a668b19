"""The process of fleetd: what keeps it from starting is told in words."""

from pathlib import Path

import pytest

from fleet_cluster.fleet import config
from fleet_cluster.fleet.config import Config
from fleet_cluster.fleet.fleetd import process
from fleet_cluster.fleet.secrets.age import Age, SealerUnavailableError


def killed(_age: Age) -> str:
    raise SealerUnavailableError("age-keygen was killed by signal 9")


def test_a_key_that_cannot_be_read_just_then_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "machine-id").write_text("0" * 32)
    monkeypatch.setattr(process, "MACHINE_ID", tmp_path / "machine-id")
    monkeypatch.setattr(process, "log_to_journal", str)
    monkeypatch.setattr(config, "read", lambda: Config(endpoints=("127.0.0.1:1",)))
    monkeypatch.setattr(Age, "public_key", killed)
    with pytest.raises(SystemExit, match="fleetd cannot start: age-keygen was killed"):
        process.main()
