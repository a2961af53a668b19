"""The operator's SSH files."""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from fleet_cluster._lifecycle.openssh_files import known_hosts, openssh_files, ssh_config
from fleet_cluster._lifecycle.ssh_call import FOLDER, write_files
from fleet_cluster.machine import Connection, Proxy
from fleet_cluster.ssh_config import SshConfig, removal
from tests.unit.mock_engine import Engine, use_mocks

MACHINES: dict[str, Connection] = {
    "machine-1": {"host": "172.30.7.11", "host_key": "ssh-ed25519 AAAA1", "private_key": "secret"},
    "machine-2": {
        "host": "127.0.0.1",
        "port": 40022,
        "host_key": "ssh-ed25519 AAAA2",
        "private_key": "secret",
    },
}


def test_known_hosts_pins_each_machine_by_its_name():
    assert known_hosts(MACHINES) == "machine-1 ssh-ed25519 AAAA1\nmachine-2 ssh-ed25519 AAAA2\n"


def test_ssh_config_reaches_each_machine_by_its_name_and_checks_its_key():
    assert (
        ssh_config(MACHINES)
        == """\
# Written by pulumi up. Use: ssh -F @FOLDER@/ssh_config machine-1
Host machine-1 machine-2
    User core
    IdentityFile @FOLDER@/identity
    IdentitiesOnly yes
    UserKnownHostsFile @FOLDER@/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
Host machine-1
    HostName 172.30.7.11
    Port 22
    HostKeyAlias machine-1
Host machine-2
    HostName 127.0.0.1
    Port 40022
    HostKeyAlias machine-2
Include ~/.ssh/config
"""
    )


def test_keys_end_as_openssh_wants_them():
    """Pulumi drops the last newline of a file that becomes a setting."""
    way = Connection(host="10.0.0.1", private_key="-----END KEY-----", host_key="ssh-ed25519 A")
    way["proxy"] = {
        "host": "bastion.example.com",
        "port": 22,
        "user": "admin",
        "private_key": "-----END OTHER KEY-----\n",
        "host_key": "ssh-ed25519 B",
    }
    files = openssh_files({"machine-1": way})
    assert files["identity"] == "-----END KEY-----\n"
    assert files["proxy_identity"] == "-----END OTHER KEY-----\n"
    assert files["known_hosts"] == "machine-1 ssh-ed25519 A\nbastion ssh-ed25519 B\n"


def test_a_bastions_port_is_a_whole_number_also_from_another_stack():
    """There, numbers are floats; with `Port 22.0`, ssh refuses the whole file."""
    way = Connection(host="10.0.0.1", private_key="key", host_key="ssh-ed25519 A")
    way["proxy"] = cast(
        "Proxy",
        {"host": "b", "port": 2222.0, "user": "u", "private_key": "k", "host_key": "ssh-ed25519 B"},
    )
    lines = ssh_config({"machine-1": way}, way["proxy"]).splitlines()
    assert "    Port 2222" in lines


def test_the_folder_goes_with_all_that_is_in_it_and_may_be_gone(tmp_path: Path):
    (tmp_path / "ssh/dev").mkdir(parents=True)
    (tmp_path / "ssh/dev/identity").touch()
    for _ in range(2):
        subprocess.run(["sh", "-c", removal("ssh/dev")], cwd=tmp_path, check=True)
        assert not (tmp_path / "ssh").exists()


@pytest.mark.parametrize("folder", ["~/ssh/dev", "my ssh/dev"])
def test_no_other_folder_goes_with_it(folder: str, tmp_path: Path):
    """A shell would take the first for one in the user's home, and the second for two."""
    home, program = tmp_path / "home", tmp_path / "program"
    others = [home / "ssh/dev", program / "my", program / "ssh/dev"]
    for one in [*others, program / folder]:
        one.mkdir(parents=True)
    env = {**os.environ, "HOME": str(home)}
    subprocess.run(["sh", "-c", removal(folder)], cwd=program, env=env, check=True)
    assert not (program / folder).exists()
    assert all(one.exists() for one in others)


@pytest.mark.parametrize(("folder", "triggers"), [("keys", ["keys"]), (None, None)])
def test_another_folder_replaces_what_removes_the_one_before(
    folder: str | None, triggers: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An update in place leaves it there with the key. The usual one is as it is in stacks."""
    monkeypatch.chdir(tmp_path)
    engine, way = Engine(), dict(MACHINES["machine-1"])
    use_mocks(engine, project="shop")
    access = {"machines": [{"name": "machine-1", "metadata": {}, "connection": way}]}
    access |= {"ready": True, "data_id": "1", "network": ""}

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def program() -> Any:
        args: Any = {"cluster": access} | ({"folder": folder} if folder else {})
        return SshConfig("ssh", args).path

    program()
    assert [one.get("triggers") for one in engine.commands] == [triggers]


def test_the_usual_folder_is_removed_as_stacks_have_it():
    assert (
        removal(".pulumi/ssh/dev")
        == "rm -rf .pulumi/ssh/dev; rmdir .pulumi/ssh 2>/dev/null || true"
    )


def test_files_are_for_the_user_alone_and_say_where_they_are(tmp_path: Path):
    folder = tmp_path / "ssh" / "dev"
    for turn in ("old", "new"):
        write_files(
            {"identity": turn, "ssh_config": f"IdentityFile {FOLDER}/identity"}, str(folder)
        )
    assert (folder / "identity").read_text() == "new"
    assert (folder / "ssh_config").read_text() == f"IdentityFile {folder}/identity"
    assert sorted(path.name for path in folder.iterdir()) == ["identity", "ssh_config"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_folder_with_a_space_is_understood_by_ssh(tmp_path: Path):
    """Without quotes, ssh refuses the whole file: extra arguments at end of line."""
    folder = tmp_path / "my programs" / "ssh"
    write_files(openssh_files(MACHINES), str(folder))
    asked = ("ssh", "-G", "-F", str(folder / "ssh_config"), "machine-2")
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    assert f"identityfile {folder}/identity" in told
    assert f"userknownhostsfile {folder}/known_hosts" in told
