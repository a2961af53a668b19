"""`fleetctl exec` into containers and namespaces on real machines, as ssh would."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator

import pytest

from tests.cluster.stack import Stack, eventually

PLAIN = """\
[Service]
ExecStart=/bin/sh -c 'touch /tmp/its-own; exec sleep infinity'
User=core
PrivateTmp=true
PrivateNetwork=true
Environment="FLAVOUR=a b"
"""
QUADLET = """\
[Container]
Image={image}
Environment=FLAVOUR=quadlet
Network=none
Exec=sleep infinity
StopSignal=SIGKILL
"""
NAMELESS = """\
[Service]
ExecStartPre=-/usr/bin/docker rm --force nameless
ExecStart=/usr/bin/docker run --rm --init --network none --cidfile /run/nameless.cid \
{image} sleep infinity
ExecStopPost=-/bin/sh -c 'docker rm --force $(cat /run/nameless.cid); rm /run/nameless.cid'
"""
AT_ONCE = "[X-Fleet]\nHealthySec=0\n"
DOCKER, CONTAINER, SERVICE = "sinatra@5000.service", "boxed.container", "plain.service"
WORDS = ("it's $HOME", "100%n", 'a "b" \\', "", ";", "two\nlines", "é", "--", "-t")


@pytest.fixture(scope="module", autouse=True)
def units(cluster: Stack) -> Iterator[None]:
    """A unit of each kind that runs; that of docker is the program's own."""
    image = re.findall(r"(\S+/sinatra@\S+)", cluster.fleetctl("cat", DOCKER).out)[0]
    texts = {SERVICE: PLAIN, CONTAINER: QUADLET, "nameless.service": NAMELESS}
    paths = [cluster.program / name for name in texts]
    for path in paths:
        path.write_text(texts[path.name].replace("{image}", image) + AT_ONCE)
    cluster.fleetctl("start", *map(str, paths))
    try:
        yield
    finally:
        cluster.fleetctl("destroy", *texts)


def run(cluster: Stack, unit: str, *words: str, stdin: str = ""):
    return cluster.run("fleetctl", "exec", unit, "--", *words, stdin=stdin, check=False)


@pytest.mark.parametrize("unit", [DOCKER, CONTAINER, SERVICE])
def test_words_input_and_exit_code_are_as_with_ssh(cluster: Stack, unit: str):
    done = run(cluster, unit, "printf", "<%s>\\n", *WORDS)
    assert (done.code, done.out) == (0, "".join(f"<{word}>\n" for word in WORDS)), done.text
    done = run(cluster, unit, "sh", "-c", "cat; echo bad >&2; exit 7", stdin="one\ntwo\n")
    assert (done.code, done.out) == (7, "one\ntwo\n"), done.text
    assert "bad\n" in done.err
    done = run(cluster, unit, "sh", "-c", "yes | head -n 1; kill -9 $$")
    assert (done.code, done.out) == (137, "y\n"), done.text
    assert run(cluster, unit, "no-such-program").code in (126, 127)


def test_it_is_inside(cluster: Stack):
    assert run(cluster, DOCKER, "sh", "-c", "echo $FLEET_UNIT").out == f"{DOCKER}\n"
    assert run(cluster, CONTAINER, "sh", "-c", "echo $FLAVOUR").out == "quadlet\n"
    look = "id -un; echo $FLAVOUR; ls /tmp; ls /sys/class/net; cat /proc/self/cgroup"
    user, flavour, tmp, net, *groups = run(cluster, SERVICE, "sh", "-c", look).out.splitlines()
    assert (user, flavour, tmp) == ("core", "a b", "its-own")
    assert all("/plain.service" in one for one in groups if ":name=systemd:" in one), groups
    socket = run(cluster, SERVICE, "readlink", "/proc/self/ns/net").out
    there = cluster.fleetctl("ssh", SERVICE, "sudo readlink /proc/$(pgrep -u core sleep)/ns/net")
    assert socket == there.out, net


def test_a_container_that_cannot_be_known_is_told(cluster: Stack):
    refused = run(cluster, "nameless", "hostname")
    assert refused.code == 1
    assert "was given no --name. Say which: fleetctl exec --container NAME" in refused.err
    # Its unit is up before docker has pulled the image and made the container.
    eventually("it is made", lambda: run_nameless(cluster).code == 0)
    named, id = run_nameless(cluster), nameless(cluster)
    assert named.out == f"{id[:12]}\n"
    gone = run(cluster, "nginx-pool", "true")
    assert (gone.code, "on several machines" in gone.err) == (1, True), gone.text


def nameless(cluster: Stack) -> str:
    """The id of the container that has no known name."""
    return cluster.fleetctl("ssh", "nameless", "sudo cat /run/nameless.cid").out.strip()


def run_nameless(cluster: Stack):
    words = ("--container", nameless(cluster), "nameless", "--", "hostname")
    return cluster.fleetctl("exec", *words, check=False)


@pytest.mark.parametrize("unit", [DOCKER, CONTAINER, SERVICE])
def test_a_terminal_its_size_and_ctrl_c(cluster: Stack, unit: str):
    # conmon gives a terminal of Podman's its size beside the start of what runs there.
    sized = "until [ \"$(stty size)\" = '33 99' ]; do sleep 0.1; done"
    traps = "trap 'stty size' WINCH; trap 'exit 5' INT"
    script = f"{sized}; {traps}; echo ready; while :; do sleep 0.1; done"
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(cluster.program)
        resize(0, 33, 99)
        words = ["fleetctl", "exec", "-t", unit, "--", "sh", "-c", script]
        os.execvpe(words[0], words, {**os.environ, **cluster.environment()})
    read_until(terminal, b"ready")
    assert is_told_of_its_size(process, terminal)
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 5


def resize(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def is_told_of_its_size(process: int, terminal: int) -> bool:
    """Whether a change of size arrives; docker's client may miss one while it starts."""
    seen = b""
    for columns in (111, 112) * 30:
        resize(terminal, 44, columns)
        os.kill(process, signal.SIGWINCH)
        while select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 4096)
            if f"44 {columns}".encode() in seen:
                return True
    return False


def read_until(terminal: int, word: bytes) -> bytes:
    seen = b""
    while word not in seen:
        part = os.read(terminal, 4096)
        assert part, seen
        seen += part
    return seen


def test_a_command_ends_with_its_unit(cluster: Stack):
    """What is inside of a service is in its cgroup."""
    process = subprocess.Popen(
        ["fleetctl", "exec", SERVICE, "--", "sh", "-c", "echo in; exec sleep infinity"],
        cwd=cluster.program,
        env={**os.environ, **cluster.environment()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "in\n"
    cluster.fleetctl("stop", SERVICE)
    assert process.wait(60) in (137, 143)
    cluster.fleetctl("start", SERVICE)
