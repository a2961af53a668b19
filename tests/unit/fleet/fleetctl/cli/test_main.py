"""fleetctl on a machine, with etcd out of reach: what an operator reads then."""

import json
import os
import sys
from pathlib import Path
from time import monotonic

import grpc
import pytest

from fleet_cluster.fleet.etcd.client import LIMIT_SECONDS
from fleet_cluster.fleet.fleetctl.__main__ import main
from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from tests.unit.fleet.etcd.etcd_server import EtcdServer
from tests.unit.fleet.fakes.kv import MemoryKV

Output = pytest.CaptureFixture[str]


def configure(path: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    path.write_text(json.dumps({"endpoints": ["127.0.0.1:1"], **settings}))
    monkeypatch.setattr("fleet_cluster.fleet.config.PATH", path)


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


def plain(_: object) -> None:
    """No certificates: the member here speaks plain text."""


def test_where_a_machine_may_only_look_it_is_said_where_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    members = ["10.0.0.1:2379", "10.0.0.2:2379"]
    files = {"cert_file": "/pki/worker.crt", "key_file": "/pki/worker.key"}
    settings = {"endpoints": members, "ca_file": "/pki/ca.crt", **files}
    configure(tmp_path / "fleet.conf", monkeypatch, **settings)
    server = EtcdServer(MemoryKV(clock=lambda: 0.0))
    server.failures = [(grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied")]
    monkeypatch.setattr("fleet_cluster.fleet.etcd.client.credentials", plain)
    try:
        assert main(["--endpoint", server.endpoint, "cordon", "machine-1"]) == Exit.FAILED
    finally:
        server.stop()
    said = capsys.readouterr().err
    assert "permission denied" in said and "keeps none of etcd's data" in said
    assert "10.0.0.1, 10.0.0.2" in said


@pytest.mark.parametrize("given", ["0", "-1", "inf", "nan", "soon"])
def test_a_bad_request_timeout(given: str, capsys: Output) -> None:
    words = ["--endpoint", "127.0.0.1:1", f"--request-timeout={given}", "list-units"]
    assert main(words) == Exit.USAGE
    assert "--request-timeout is" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["list-units"], ["start", "hello"]])
def test_waiting_for_etcd_is_said(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.fleetctl.cli.output.SLOW_SECONDS", 0.01)
    server = EtcdServer(MemoryKV(clock=lambda: 0.0))
    server.silent.set()
    try:
        main(["--endpoint", server.endpoint, "--request-timeout=2", *words])
    finally:
        server.stop()
    assert capsys.readouterr().err.startswith("Waiting for etcd: no member has answered yet.\n")


@pytest.mark.parametrize("command", ["apply", "plan"])
def test_reading_from_a_terminal_is_said(command: str, capsys: Output) -> None:
    near, terminal = os.openpty()
    with os.fdopen(near, "wb", buffering=0) as keyboard, os.fdopen(terminal) as stdin:
        keyboard.write(b"nonsense\n\x04")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", stdin)
            main(["--endpoint", "127.0.0.1:1", "--request-timeout=0.1", command])
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Reading a JSON document from here")


@pytest.mark.parametrize("command", ["apply", "plan"])
def test_a_document_that_is_no_text(command: str, tmp_path: Path, capsys: Output) -> None:
    given = tmp_path / "document"
    given.write_bytes(b"\xff\xfe")
    with given.open() as stdin, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        assert main(["--endpoint", "127.0.0.1:1", command]) == Exit.FAILED
    assert f"fleetctl: {command} reads a JSON document" in capsys.readouterr().err


def test_the_request_timeout_ends_a_request(capsys: Output) -> None:
    server = EtcdServer(MemoryKV(clock=lambda: 0.0))
    server.silent.set()
    try:
        started = monotonic()
        words = ["--endpoint", server.endpoint, "--request-timeout=0.2", "list-units"]
        assert main(words) == Exit.FAILED
        assert monotonic() - started < LIMIT_SECONDS
    finally:
        server.stop()
    assert "etcd did not answer in time" in capsys.readouterr().err
