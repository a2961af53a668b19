"""etcd's data are backed up by a unit, and brought back by one command while units run on."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_cluster._unit_text import fill
from fleet_cluster.backups.schedule import UNITS, check_backups
from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.operations import copied
from tests.cluster.stack import Stack, eventually

pytestmark = pytest.mark.usefixtures("undisturbed")

FOLDER = "/var/backups/fleet"
DROP_IN = "/run/systemd/system/etcd.service.d"
REFUSE = f"printf '[Unit]\\nRefuseManualStart=yes\\n' | sudo tee {DROP_IN}/refuse.conf"
"""Then systemd does not start etcd."""
SERVICE = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nHealthySec=0\n"


@pytest.fixture
def backups(cluster: Stack, tmp_path: Path, undisturbed: None) -> Iterator[None]:
    """The cluster takes backups, as a program with `backups` has it; not any more afterwards."""
    chosen = check_backups({"folder": FOLDER, "calendar": "daily", "keep": 1})
    assert chosen
    units = ["fleet-backup.service", "fleet-backup.timer"]
    for unit in units:
        text = fill((UNITS / unit).read_text(), chosen.values())
        (tmp_path / unit).write_text(text)
    cluster.fleetctl("set-metadata", "machine-2", "etcd=member")
    cluster.fleetctl("load", str(tmp_path / units[0]))
    cluster.fleetctl("start", str(tmp_path / units[1]))
    yield
    cluster.fleetctl("destroy", *reversed(units))
    cluster.fleetctl("set-metadata", "machine-2", "etcd=")
    cluster.on("machine-2", f"sudo rm -r {FOLDER}")


def metric(stack: Stack, machine: str, name: str) -> float | None:
    told = stack.on(machine, "curl --silent 127.0.0.1:9179/metrics").out
    found = re.search(rf"^{name} (\S+)$", told, re.MULTILINE)
    return float(found[1]) if found else None


def last_backup(stack: Stack, to: Path) -> Path:
    """The last backup, brought to this computer from where it is."""
    [last] = stack.fleetctl_json("list-backups")
    assert last["to"] == FOLDER, last
    assert "on the own disk of" in last["problem"], "no share is mounted there"
    config = stack.environment()["FLEETCTL_SSH_CONFIG"]
    copy = f"ssh -F '{config}' machine-2 'sudo cat {FOLDER}/{last['name']}' > {to}"
    stack.run("bash", "-c", copy)
    return to


@pytest.mark.usefixtures("backups")
def test_a_backup_is_taken_and_a_restore_brings_the_earlier_state_back(
    cluster: Stack, machines: dict[str, str], url: str, tmp_path: Path
):
    cluster.on("machine-2", f"sudo mkdir {FOLDER} && sudo touch {FOLDER}/fleet-mine.db")
    cluster.fleetctl("backup")
    listed = cluster.on("machine-2", f"sudo ls {FOLDER}").out.split()
    assert len(listed) == 2 and "fleet-mine.db" in listed, "the newest, and what is not ours"
    taken = last_backup(cluster, tmp_path / "fleet.db")
    eventually("its age shows", lambda: metric(cluster, "machine-1", "fleet_backup_age_seconds"))

    later = tmp_path / "later.service"
    later.write_text(SERVICE)
    cluster.fleetctl("start", str(later))
    cluster.on("machine-1", "etcdctl put /app/greeting 'newer than the snapshot'")
    before = asking.runs(cluster, machines)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(taken.read_bytes().replace(b"sleep", b"sleeq", 1)[:-1] + b"?")
    assert "damaged" in cluster.fleetctl("restore", "--yes", str(damaged), check=False).err
    with Load(url) as load:
        done = cluster.fleetctl("restore", "--yes", str(taken))
        assert later.name not in cluster.units() or cluster.units()[later.name][0]["held"]
        assert asking.runs(cluster, machines) == before, done.text
        cluster.up()
    print(f"\nrestored from a backup: {load}")
    assert not load.failed, load.failed
    greeting = cluster.on("machine-2", "etcdctl get --print-value-only /app/greeting").out
    assert greeting == "Hello World!\n"
    assert asking.runs(cluster, machines) == before
    assert cluster.changes() == {}
    cluster.fleetctl("start", str(later))
    cluster.fleetctl("destroy", later.name)


@pytest.mark.faults
def test_a_restore_without_etcd_and_one_that_fails_in_between_goes_back_and_on(
    cluster: Stack, machines: dict[str, str], url: str
):
    copied(cluster, "backup")
    cluster.on("machine-1", "etcdctl put /test/newer 1")
    restore = ("restore", "--yes", "fleet.db")
    with Load(url) as load:
        cluster.on("machine-2", f"sudo mkdir {DROP_IN} && {REFUSE} && sudo systemctl daemon-reload")
        failed = cluster.fleetctl(*restore, check=False)
        assert failed.code == Exit.FAILED and "start failed on machine-2:" in failed.err, failed.err
        assert "machine-2: the snapshot's data, stopped" in failed.err
        cluster.on("machine-2", f"sudo rm -r {DROP_IN} && sudo systemctl daemon-reload")
        cluster.fleetctl("restore", "--undo", "--yes")
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
        assert cluster.on("machine-1", "etcdctl get --print-value-only /test/newer").out == "1\n"

        for machine in machines:
            cluster.on(machine, "sudo systemctl stop etcd.service; sudo rm -r /var/lib/etcd/fleet")
        cluster.fleetctl(*restore)
        eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
        assert cluster.on("machine-1", "etcdctl get /test/newer").out == "", "it is the snapshot"
        refused = cluster.on("machine-1", "etcdctl put /fleet/leader me", check=False)
        assert "permission denied" in refused.text, "each certificate has its keys again"
        cluster.up()
    print(f"\nrestored without etcd: {load}")
    assert not load.failed, load.failed
    assert cluster.changes() == {}
