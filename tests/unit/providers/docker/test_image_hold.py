"""Which machines keep their image; `docker` is a script that answers or fails as the test says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleet_cluster.fleet.model.keys import UNITS
from fleet_cluster.fleet.setup.files import DEBIANS_DATA, ETCD_DATA
from fleet_cluster.providers.docker import image_hold

PROBE = Path(image_hold.__file__).with_name("image_hold_probe.py")
DOCKER = """\
#!/bin/sh
case "$*" in
    "ps --all --quiet --filter=network=cluster") echo 1 2 3 9 ;;
    "inspect --format="*" 1 2 3 9")
        for number in 1 2 3; do echo "$number machine-$number sha256:$number"; done
        echo "9 load-balancer sha256:9" ;;
    "exec $HOLDS sh -c true && echo yes") echo yes ;;
    "exec "*) echo "is not running" >&2; exit 1 ;;
    *) echo "unexpected: $*" >&2; exit 2 ;;
esac
"""


def probe(folder: Path, docker: str, network: str = "cluster", holds: str = "") -> object:
    """What it prints with this `docker`; its test succeeds in the container `holds`."""
    script = folder / "docker"
    script.write_text(docker)
    script.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(PROBE), "true"],
        env={**os.environ, "PATH": f"{folder}:/usr/bin:/bin", "HOLDS": holds},
        input=network,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_all_machines_keep_theirs_if_one_could_not_be_joined(tmp_path: Path) -> None:
    kept = {f"machine-{number}": f"sha256:{number}" for number in (1, 2, 3)}
    assert probe(tmp_path, DOCKER, holds="2") == kept


@pytest.mark.parametrize("holds", ["", "9"])
def test_none_does_otherwise_whatever_is_beside_them(tmp_path: Path, holds: str) -> None:
    assert probe(tmp_path, DOCKER, holds=holds) == {}


@pytest.mark.parametrize("docker", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\n"])
def test_nor_where_docker_does_not_answer_or_has_no_machine(tmp_path: Path, docker: str) -> None:
    assert probe(tmp_path, docker) == {}


@pytest.mark.parametrize(
    ("data", "units", "expected"),
    [
        ([], "", False),
        ([ETCD_DATA], "", False),
        ([DEBIANS_DATA], "", True),
        ([DEBIANS_DATA, ETCD_DATA], "", True),
        ([DEBIANS_DATA, ETCD_DATA], f"{UNITS}nginx.service", False),
    ],
)
def test_machines_have_debians_etcd_until_units_are_in_ours(
    tmp_path: Path, data: list[str], units: str, expected: bool
) -> None:
    for folder in data:
        (tmp_path / folder[1:] / "member" / "wal").mkdir(parents=True)
    (tmp_path / "etc/fleet").mkdir(parents=True)
    (tmp_path / "etc/fleet/environment").write_text("ETCDCTL_ENDPOINTS=https://127.0.0.1:2379\n")
    etcdctl = tmp_path / "etcdctl"
    etcdctl.write_text(f'#!/bin/sh\n[ "$ETCDCTL_ENDPOINTS" ] && echo "{units}"\n')
    etcdctl.chmod(0o755)
    command = image_hold.CHANGES_ETCD
    for root in ("/var/", "/etc/"):
        command = command.replace(root, f"{tmp_path}{root}")
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["sh", "-c", command], env={"PATH": path}, check=False)
    assert (done.returncode == 0) == expected
