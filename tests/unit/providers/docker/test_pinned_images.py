"""Which machines keep their image; `docker` is a script that answers or fails as the test says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleet_cluster.fleet.etcd_configuration import ETCD_PKI
from fleet_cluster.fleet.model.keys import STATES, UNITS
from fleet_cluster.fleet.setup.files import DEBIANS_DATA, ETCD_DATA
from fleet_cluster.providers.docker import pinned_images

PROBE = Path(pinned_images.__file__).with_name("pinned_images_probe.py")
DOCKER = """\
#!/bin/sh
case "$*" in
    "ps --all --quiet --filter=network=cluster") echo 1 2 3 9 ;;
    "inspect --format="*" 1 2 3 9")
        for number in 1 2 3; do echo "$number machine-$number sha256:$number"; done
        echo "9 load-balancer sha256:9" ;;
    "exec $PINNED sh -c true && echo yes") echo yes ;;
    "exec "*) echo "is not running" >&2; exit 1 ;;
    *) echo "unexpected: $*" >&2; exit 2 ;;
esac
"""


def probe(folder: Path, docker: str, network: str = "cluster", pinned: str = "") -> object:
    """What it prints with this `docker`; its test succeeds in the container `pinned`."""
    script = folder / "docker"
    script.write_text(docker)
    script.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(PROBE), "true"],
        env={**os.environ, "PATH": f"{folder}:/usr/bin:/bin", "PINNED": pinned},
        input=network,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_all_machines_keep_theirs_if_one_could_not_be_joined(tmp_path: Path) -> None:
    kept = {f"machine-{number}": f"sha256:{number}" for number in (1, 2, 3)}
    assert probe(tmp_path, DOCKER, pinned="2") == kept


@pytest.mark.parametrize("pinned", ["", "9"])
def test_none_does_otherwise_whatever_is_beside_them(tmp_path: Path, pinned: str) -> None:
    assert probe(tmp_path, DOCKER, pinned=pinned) == {}


@pytest.mark.parametrize("docker", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\n"])
def test_nor_where_docker_does_not_answer_or_has_no_machine(tmp_path: Path, docker: str) -> None:
    assert probe(tmp_path, docker) == {}


MEMBER = [ETCD_PKI]
DEBIANS = [*MEMBER, f"{DEBIANS_DATA}/member/wal"]
BOTH = [*DEBIANS, f"{ETCD_DATA}/member/wal"]
DESIRED, REPORTED = f"{UNITS}nginx.service", f"{STATES}0a1b/nginx.service"


def is_pinned(folder: Path, there: list[str], etcdctl: str) -> bool:
    """Whether a machine with these folders is, by what this `etcdctl` says."""
    for path in there:
        (folder / path[1:]).mkdir(parents=True)
    (folder / "etc/fleet").mkdir(parents=True)
    (folder / "etc/fleet/environment").write_text("ETCDCTL_ENDPOINTS=https://127.0.0.1:2379\n")
    program = folder / "etcdctl"
    program.write_text(f'#!/bin/sh\n[ "$ETCDCTL_ENDPOINTS" ] || exit 2\n{etcdctl}\n')
    program.chmod(0o755)
    command = pinned_images.IS_PINNED
    for root in ("/var/", "/etc/"):
        command = command.replace(root, f"{folder}{root}")
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(["sh", "-c", command], env={"PATH": path}, check=False).returncode == 0


def etcd_with(*keys: str) -> str:
    """An etcdctl that prints those of these keys that begin with what it is asked for."""
    lines = "\n".join(keys)
    return f"for prefix; do :; done; echo '{lines}' | grep \"^$prefix\" | head -n 1"


@pytest.mark.parametrize(
    ("there", "keys", "expected"),
    [
        ([], [], False),
        (MEMBER, [], False),
        (DEBIANS, [], True),
        (BOTH, [REPORTED], True),
        (BOTH, [DESIRED, REPORTED], False),
    ],
)
def test_machines_have_debians_etcd_until_ours_knows_units(
    tmp_path: Path, there: list[str], keys: list[str], expected: bool
) -> None:
    assert is_pinned(tmp_path, there, etcd_with(*keys)) == expected


def test_a_cluster_without_units_is_not_pinned_for_ever(tmp_path: Path) -> None:
    assert not is_pinned(tmp_path, BOTH, etcd_with("/fleet/cluster"))


def test_an_etcd_that_does_not_answer_is_no_reason(tmp_path: Path) -> None:
    assert not is_pinned(tmp_path, BOTH, "exit 1")


def test_nor_is_one_that_does_not_say_what_is_desired(tmp_path: Path) -> None:
    assert not is_pinned(tmp_path, BOTH, f'case "$*" in *{UNITS}) exit 1;; esac; echo {REPORTED}')


def test_what_a_machine_has_left_of_debians_etcd_is_no_reason_when_it_is_no_member(
    tmp_path: Path,
) -> None:
    assert not is_pinned(tmp_path, [f"{DEBIANS_DATA}/member/wal"], etcd_with())
