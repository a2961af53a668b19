"""Machines without public addresses, behind a bastion; and a first contact that was interrupted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.aws import bastion
from tests.aws.amazon import Amazon
from tests.aws.bastion import Bastion
from tests.aws.conftest import stack_on
from tests.aws.machines import docker
from tests.cluster.stack import Stack, eventually

DROP_IN = "/etc/systemd/system/ssh.service.d/cut.conf"
CUT = "/root/cut"
"""Is there when sessions were ended."""
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


@pytest.fixture(scope="module")
def jump(cloud: Amazon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bastion]:
    with bastion.running(cloud, tmp_path_factory.mktemp("bastion") / "files") as running:
        yield running


@pytest.mark.faults
def test_first_contact_goes_on_after_an_interruption_through_a_bastion(
    cloud: Amazon, jump: Bastion, tmp_path: Path
):
    with stack_on(cloud, tmp_path) as stack:
        settings = {
            "connect-through": "private",
            "cluster-size": "1",
            "etcd-size": "1",
            "sinatra-instances": "1",
            "ssh-proxy": f"{bastion.USER}@{jump.address}",
            "ssh-proxy-host-key": jump.host_key.strip(),
        }
        stack.configure(settings)
        secret = ("pulumi", "config", "set", "--secret", "ssh-proxy-private-key")
        stack.run(*secret, stdin=jump.private_key)
        interrupt_first_contact(cloud, stack)
        [machine] = cloud.machines()
        asked_before = docker("exec", machine, "cat", HOST_KEY)
        stack.up()
        assert cloud.machines() == [machine], "it is the same machine"
        assert docker("exec", machine, "cat", HOST_KEY) == asked_before
        assert cloud.elastic_addresses() == {}
        assert stack.on("machine-1", "echo $SSH_CONNECTION").out.split()[0] == jump.address
        assert logins(machine) == {jump.address}
        [address] = cloud.targets().values()
        answer = ("curl", "--silent", "--max-time", "5", f"http://{address}/")
        eventually("it answers", lambda: "Hello World!" in stack.run(*answer, check=False).out)
        assert stack.changes() == {}


def interrupt_first_contact(cloud: Amazon, stack: Stack) -> None:
    """`pulumi up` whose first contact is cut off just after it had the lasting key installed."""
    with ThreadPoolExecutor() as pool:
        cutting = pool.submit(cut_off_when_ssh_restarts, cloud)
        ended = stack.up(check=False)
        machine = cutting.result()
    assert ended.code != 0 and "machine-1-first-contact" in ended.text, ended.text
    docker("exec", machine, "cat", CUT)
    docker("exec", machine, "rm", DROP_IN)
    docker("exec", machine, "systemctl", "daemon-reload")


def cut_off_when_ssh_restarts(cloud: Amazon) -> str:
    """Has the first machine end every SSH session when sshd was restarted; its name."""
    eventually("there is a machine", cloud.machines, 300)
    [machine] = cloud.machines()
    script = f"mkdir -p $(dirname {DROP_IN}) && cat >{DROP_IN} && systemctl daemon-reload"
    install = ("exec", "--interactive", machine, "sh", "-c", f"{script} && echo installed")
    cut = f'pkill -KILL -f "^sshd(-session)?: .*@" && touch {CUT}'
    text = f"[Service]\nExecStartPost=-/bin/sh -c '{cut}'\n".encode()
    eventually("systemd answers", lambda: docker(*install, stdin=text, check=False))
    return machine


def logins(machine: str) -> set[str]:
    """From where somebody logged in at a machine since it booted."""
    told = docker("exec", machine, "journalctl", "--no-pager", "--unit=ssh", "--grep=Accepted")
    words = [line.split() for line in told.splitlines() if "Accepted publickey" in line]
    assert words
    return {line[line.index("from") + 1] for line in words}
