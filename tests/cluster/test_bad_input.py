"""Bad input: one clear error, before anything is made."""

import os
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.stack import Stack, copy_program, free_port


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Stack]:
    """A stack of this checkout's program with nothing in it."""
    program = copy_program(tmp_path / "program")
    stack = Stack(f"test-{secrets.token_hex(4)}", program, tmp_path / "state")
    stack.create({"load-balancer-port": str(free_port())})
    try:
        yield stack
        assert stack.docker_objects() == []
    finally:
        stack.destroy()


@pytest.mark.parametrize(
    ("setting", "value", "error"),
    [
        ("cluster-size", "0", "cluster-size: '0' is not allowed; allowed: a whole number from 1"),
        ("cluster-size", "13", "cluster-size: '13' is not allowed; allowed: a whole number from 1"),
        ("etcd-size", "2", "etcd-size: '2' is not allowed; allowed: 1, 3 or 5"),
        ("provider", "gcp", "provider: 'gcp' is not allowed; allowed: docker"),
    ],
)
def test_a_bad_setting_fails_the_preview(empty: Stack, setting: str, value: str, error: str):
    empty.configure({setting: value})
    refused = empty.preview(check=False)
    assert refused.code != 0
    assert error in refused.text
    assert "Traceback" not in refused.text


def test_a_port_in_use_is_named_before_anything_is_made(empty: Stack):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        empty.configure({"load-balancer-port": str(port)})
        refused = empty.up(check=False)
    assert refused.code != 0
    assert f"provider.docker.port: port {port} of 127.0.0.1 is in use" in refused.text
    assert "choose another port, for example " in refused.text
    assert empty.docker_objects() == []


def test_docker_not_running_is_said_before_anything_is_made(empty: Stack, tmp_path: Path):
    away = Stack(
        empty.name, empty.program, empty.home, {"DOCKER_HOST": f"unix://{tmp_path}/no-docker.sock"}
    )
    refused = away.up(check=False)
    assert refused.code != 0
    assert "Docker engine does not answer" in refused.text
    assert "start Docker, then run pulumi up again" in refused.text
    assert empty.docker_objects() == []


@pytest.mark.parametrize(
    ("unit", "text", "error"),
    [
        ("hello.service", "[Service\nExecStart=/bin/true\n", "hello.service:1"),
        (
            "hello.service",
            "[Service]\nExecStart={{hello_image}}\n[X-Fleet]\nMachinOf=a.service\n",
            "MachineOf",
        ),
        (
            "hello.service",
            "[Service]\nExecStart={{hello_image}}\n[X-Fleet]\nMachineMetadata=web\n",
            "MachineMetadata",
        ),
        ("hello.service", "[Service]\nExecStart={{helo_image}}\n", "{{helo_image}} has no value"),
    ],
)
def test_a_bad_unit_file_fails_the_preview(empty: Stack, unit: str, text: str, error: str):
    path = empty.program / "units" / unit
    path.write_text(text)
    refused = empty.preview(check=False)
    assert refused.code != 0
    assert error in refused.text
    assert "Traceback" not in refused.text


def test_a_unit_given_twice_fails_the_preview(empty: Stack):
    program = empty.program / "__main__.py"
    text = program.read_text()
    again = re.search(r"^discovery = fc\.FleetTemplate\(.*?^\)\n", text, re.M | re.S)
    assert again
    program.write_text(text + again.group().replace('"sinatra-discovery",', '"again",'))
    refused = empty.preview(check=False)
    assert refused.code != 0
    assert "sinatra-discovery@.service" in refused.text
    assert "Duplicate resource" in refused.text


def test_this_computers_docker_is_the_one_that_the_tests_ask():
    assert "DOCKER_HOST" not in os.environ or os.environ["DOCKER_HOST"].startswith("unix://")
