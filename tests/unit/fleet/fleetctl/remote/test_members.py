"""The way to etcd's members: by names in the ssh configuration, or through one that answers."""

import json
import os
import sys
from collections.abc import Mapping
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
if "-G" in sys.argv:
    sys.exit(print("hostname", json.load(open("{folder}/places")).get(host, host)))
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
        self.configured(ADDRESSES)

    def configured(self, places: Mapping[str, str]) -> None:
        """Where the ssh configuration says that hosts are."""
        (self.folder / "places").write_text(json.dumps(places))

    def lies(self, host: str, **said: object) -> None:
        """A machine says of itself what is not so."""
        path = self.folder / "machines"
        answers = json.loads(path.read_text())
        answers[host] |= said
        path.write_text(json.dumps(answers))

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
    far.configured({})
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


BEHIND_PORTS = dict.fromkeys(ADDRESSES, "127.0.0.1")
LIE: Mapping[str, object] = {"name": "machine-1", "address": "10.0.0.1"}


def hosts(*names: str) -> list[str]:
    first, *others = (SshHost(host) for host in names)
    machines = FromOutside(Tunnel(first, SshOptions(), others), [])
    return [one.host.name for one in find_members(machines)]


def test_a_worker_that_says_it_is_a_member_is_none(far: Far) -> None:
    far.are(*ADDRESSES)
    far.lies("machine-4", **LIE)
    liar_first = ["machine-4", "machine-2", "machine-3", "machine-1"]
    assert hosts(*liar_first) == ["machine-1", "machine-2", "machine-3"]


def test_a_machine_that_was_not_reached_where_it_says_to_be_is_named(far: Far) -> None:
    far.are(*ADDRESSES)
    far.lies("machine-2", address="10.0.0.1")
    with pytest.raises(CtlError, match="machine-2: it was reached at 10.0.0.2, and says .*0.1:"):
        found(*ADDRESSES)


def test_one_that_is_asked_at_its_address_has_to_be_there(far: Far) -> None:
    far.are("machine-4", *ADDRESSES.values())
    far.lies("10.0.0.2", address="10.0.0.1")
    with pytest.raises(CtlError, match="10.0.0.2: it was reached at 10.0.0.2, and says .*0.1:"):
        found("machine-4")


def test_behind_ports_of_this_computer_a_member_calls_itself_as_ssh_does(far: Far) -> None:
    far.are(*ADDRESSES)
    far.configured(BEHIND_PORTS)
    assert hosts(*ADDRESSES) == ["machine-1", "machine-2", "machine-3"]
    far.lies("machine-4", **LIE)
    with pytest.raises(CtlError, match="machine-4, machine-1: each says that it is 10.0.0.1"):
        hosts("machine-4", "machine-1", "machine-2", "machine-3")
    far.are("machine-2", "machine-3", "machine-4")
    far.configured(BEHIND_PORTS)
    far.lies("machine-4", **LIE)
    with pytest.raises(CtlError, match="machine-4: it says that it is machine-1 at 10.0.0.1, wh"):
        hosts("machine-4", "machine-2", "machine-3")


def test_the_first_says_who_the_members_are_and_no_later_one_does(far: Far) -> None:
    far.are(*ADDRESSES)
    far.lies("machine-2", members=["10.0.0.2"])
    assert hosts(*ADDRESSES) == ["machine-1", "machine-2", "machine-3"]
    far.lies("machine-1", members=["10.0.0.1"])
    assert hosts(*ADDRESSES) == ["machine-1"]
