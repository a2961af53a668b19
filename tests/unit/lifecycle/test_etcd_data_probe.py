"""What the probe prints; `ssh` is a script that answers or fails as the test says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleet_cluster._lifecycle import etcd_data
from fleet_cluster.fleet.etcd_roles import FLEET
from fleet_cluster.fleet.model.keys import CLUSTER
from fleet_cluster.fleet.setup.files import FLEET_PKI

PROBE = Path(etcd_data.__file__).with_name("etcd_data_probe.py")
FILES = {
    "machines": "machine-1 machine-2",
    "ssh_config": "IdentityFile @FOLDER@/identity\n",
    "known_hosts": "machine-1 ssh-ed25519 AAAA1\n",
    "identity": "a private key\n",
}


def probe(folder: Path, ssh: str) -> subprocess.CompletedProcess[str]:
    """Run it with this `ssh`, and the file `kept`."""
    script = folder / "ssh"
    script.write_text(f"#!/bin/sh\n{ssh}\n")
    script.chmod(0o755)
    return subprocess.run(
        [sys.executable, str(PROBE), str(folder / "kept")],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        input=json.dumps(FILES),
        capture_output=True,
        text=True,
        check=True,
    )


def test_it_names_the_key_and_the_certificate_that_machines_have() -> None:
    """It is a script for itself: the names are in it once more."""
    text = PROBE.read_text()
    assert f"--print-value-only {CLUSTER} |" in text
    assert (
        f"ETCDCTL_CERT={FLEET_PKI}/{FLEET.name}.crt ETCDCTL_KEY={FLEET_PKI}/{FLEET.name}.key"
        in text
    )


def answer(drift: str) -> str:
    """What a machine prints: the record of the store, and what `fleetctl drift` says."""
    return f"""echo '{{"id":"1a2b","layout":1}}'; echo '{drift}'"""


def test_it_tells_what_etcd_says(tmp_path: Path):
    told = probe(tmp_path, answer('{"mended": {}, "changed": []}'))
    assert (told.stdout, told.stderr) == ("1a2b\n", "")


def test_it_tells_how_often_each_was_written_again_once_more_for_what_is_changed_now(
    tmp_path: Path,
):
    mended = {"web@.service": 0, "/app/greeting": 2, "db.service": 1, "job.service": 0}
    drift = {"mended": mended, "changed": ["/app/greeting", "job.service"]}
    told = probe(tmp_path, answer(json.dumps(drift)))
    line = "1a2b /app/greeting=3 db.service=1 job.service=1"
    assert told.stdout == f"{line}\n/app/greeting, job.service\n"


@pytest.mark.parametrize(
    ("kept", "told_of"), [("1a2b db.service=1", "1a2b db.service=1"), ("0 db.service=1", "1a2b")]
)
def test_a_machine_that_does_not_know_what_was_changed_by_hand_tells_the_id(
    tmp_path: Path, kept: str, told_of: str
):
    """As one that still has an earlier version of fleet's software."""
    (tmp_path / "kept").write_text(kept)
    told = probe(tmp_path, answer("") + "; echo \"there is no command 'drift'\" >&2")
    assert told.stdout == f"{told_of}\n"
    assert told.stderr.startswith("machine-1 does not say what was changed by hand: there is no")


def test_without_the_first_machine_the_next_one_tells_and_what_to_do_is_said(tmp_path: Path):
    (tmp_path / "kept").write_text("old")
    ssh = 'case " $* " in *" machine-1 "*) exit 255 ;; *) echo \'{"id":"1a2b"}\' ;; esac'
    told = probe(tmp_path, ssh)
    assert told.stdout == "1a2b\n"
    assert "machine-1 cannot be reached: if it is gone, `pulumi up --refresh`" in told.stderr


def test_one_that_is_reached_and_does_not_know_speaks_for_all(tmp_path: Path):
    told = probe(tmp_path, f"echo >> {tmp_path}/asked; exit 1")
    assert told.stdout == "\n"
    assert (tmp_path / "asked").read_text() == "\n"


@pytest.mark.parametrize(
    ("ssh", "reason"),
    [
        ("echo 'No route to host' >&2; exit 255", "No route to host"),
        ("echo no JSON", "Expecting value"),
        ("echo '{}'", "'id'"),
        ("""echo '{"id":"1a2b"}'; echo '{"mended":{},"changed":[],"more":1}'""", "'more'"),
        ("exit 1", "non-zero exit status 1"),
    ],
)
def test_without_an_answer_it_tells_what_was_known_and_why(tmp_path: Path, ssh: str, reason: str):
    (tmp_path / "kept").write_text("1a2b")
    told = probe(tmp_path, ssh)
    assert told.stdout == "1a2b\n"
    assert told.stderr.startswith("No machine says which data etcd holds: ")
    assert reason in told.stderr


def test_without_an_answer_and_without_knowledge_it_tells_nothing(tmp_path: Path):
    assert probe(tmp_path, "exit 1").stdout == "\n"


def test_the_key_is_for_the_user_alone_and_gone_afterwards(tmp_path: Path):
    ssh = 'folder=$(dirname "$2"); stat -c %a "$folder/identity" >&2; cat "$2" >&2; exit 1'
    told = probe(tmp_path, ssh)
    assert "600" in told.stderr
    folder = Path(told.stderr.rpartition("IdentityFile ")[2].strip()).parent
    assert str(folder).startswith("/") and not folder.exists()
