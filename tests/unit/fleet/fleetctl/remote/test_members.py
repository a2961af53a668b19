"""The way to etcd's members: by names in the ssh configuration, or through one that answers."""

import json
import os
import sys
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.remote.access import FromOutside
from fleet_cluster.fleet.fleetctl.remote.members import find_members
from fleet_cluster.fleet.fleetctl.remote.ssh import SshHost, SshOptions
from fleet_cluster.fleet.fleetctl.remote.tunnel import Tunnel

SSH = """\
#!{python}
import json, sys
host = sys.argv[sys.argv.index("--") + 1]
asked = json.loads(sys.stdin.readline())["part"]
with open("{folder}/calls", "a") as calls:
    calls.write(f"{{asked}} {{host}}{{' through' if 'ProxyCommand' in str(sys.argv) else ''}}\\n")
machine = json.load(open("{folder}/machines")).get(host)
if machine is None:
    sys.exit(f"{{host}}: No route to host")
print(json.dumps(machine))
"""
ADDRESSES = {f"machine-{n}": f"10.0.0.{n}" for n in range(1, 5)}


class Far:
    """Machines, by what ssh knows them by; the fourth keeps none of etcd's data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ssh = folder / "ssh"
        ssh.write_text(SSH.format(python=sys.executable, folder=folder))
        ssh.chmod(0o755)

    def are(self, *hosts: str) -> None:
        names = {address: name for name, address in ADDRESSES.items()}
        found = {host: names.get(host, host) for host in hosts}
        answers = {host: self._answer(name) for host, name in found.items()}
        (self.folder / "machines").write_text(json.dumps(answers))

    def _answer(self, name: str) -> dict[str, object]:
        members = list(ADDRESSES.values())[:3]
        member = {"name": name if ADDRESSES[name] in members else "", "address": ADDRESSES[name]}
        return {**member, "members": members, "running": True, "restored": False}

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Far:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Far(tmp_path)


def found(*hosts: str) -> list[str]:
    first, *others = (SshHost(host) for host in hosts)
    machines = FromOutside(Tunnel(first, SshOptions(), others), [])
    return [one.name for one in find_members(machines)]


def test_those_with_names_are_asked_until_all_are_known(far: Far) -> None:
    far.are(*ADDRESSES)
    assert found(*ADDRESSES) == ["machine-1", "machine-2", "machine-3"]
    assert far.calls() == ["look machine-1", "look machine-2", "look machine-3"]


def test_those_without_names_are_reached_through_the_one_that_answers(far: Far) -> None:
    far.are("machine-4", *ADDRESSES.values())
    assert found("machine-9", "machine-4") == ["machine-1", "machine-2", "machine-3"]
    through = [f"look {address} through" for address in list(ADDRESSES.values())[:3]]
    assert far.calls() == ["look machine-9", "look machine-4", *through]


def test_one_that_cannot_be_reached_ends_it_and_is_named(far: Far) -> None:
    far.are("machine-1", "machine-3")
    with pytest.raises(CtlError, match="(?s)members at 10.0.0.2 cannot .*Nothing was.*No route"):
        found(*ADDRESSES)
    assert all(call.startswith("look ") for call in far.calls())


def test_none_that_can_be_reached(far: Far) -> None:
    far.are()
    with pytest.raises(CtlError, match="(?s)none of the cluster's machines.*machine-1: No route"):
        found(*ADDRESSES)
