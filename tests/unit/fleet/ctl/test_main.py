"""fleetctl on a machine, with etcd out of reach: what an operator reads then."""

import json
from pathlib import Path

import pytest

from components.fleet.ctl.__main__ import main
from components.fleet.ctl.errors import Exit

Output = pytest.CaptureFixture[str]


def configure(path: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    path.write_text(json.dumps({"endpoints": ["127.0.0.1:1"], **settings}))
    monkeypatch.setattr("components.fleet.config.PATH", path)


def test_a_bad_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    configure(tmp_path / "fleet.conf", monkeypatch, endpoints=[])
    assert main(["list-units"]) == Exit.FAILED
    assert "'endpoints' is []" in capsys.readouterr().err


def test_certificates_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    missing = str(tmp_path / "fleet.key")
    files = {"ca_file": missing, "cert_file": missing, "key_file": missing}
    configure(tmp_path / "fleet.conf", monkeypatch, **files)
    assert main(["list-units"]) == Exit.FAILED
    error = capsys.readouterr().err
    assert f"cannot read {missing}" in error
    assert "in the group fleet" in error
