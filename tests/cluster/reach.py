"""What somebody who runs programs somewhere in a cluster reaches: each thing tried by a command."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from functools import reduce

from tests.checkout import CHECKOUT
from tests.cluster.stack import Done, Stack

Shell = Callable[[str], Done]
"""Somebody who runs a script of bash."""

PROGRAMS = """
type busctl curl openssl ssh timeout >/dev/null || exit
# A limit for tests that fail: who may not is refused at once.
ask() { timeout 30 "$@" 2>&1; }
asked() { curl --http1.1 --silent --insecure --output /dev/null --max-time 30 "$@"; }
# 7: nobody listens there, or one may not connect.
is_answered() { asked "$@"; case $? in 0) echo yes;; 7) echo no;; *) echo "curl: $?";; esac; }
keys() { for key in /etc/{fleet,etcd,confd}/pki/*.key; do test -r "$key" && echo "$key"; done; }
with_keys() {
    asked "$1" && echo anybody
    for key in $(keys); do
        cert="${key%.key}.crt"
        asked --cert "$cert" --key "$key" "$1" || continue
        openssl x509 -in "$cert" -noout -subject -nameopt multiline | sed -n 's/.*Name *= //p'
    done | sort --unique | tr '\\n' ' '
}
"""
THINGS: Mapping[str, str] = {
    "log in elsewhere": """
        said=$(ask ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR \
            -o UserKnownHostsFile=/dev/null "core@$OTHER" echo in)
        # ssh wants a name for whoever asks, which a container's user need not have.
        case $said in in) echo yes;; *"Permission denied (publickey)"*|"No user exists for"*)
            echo no;; *) echo "$said";; esac""",
    "80": 'is_answered "http://$OTHER/"',
    "2379, as": 'with_keys "https://$OTHER:2379/version"',
    "2380": 'test -n "$(with_keys "https://$OTHER:2380/members")" && echo yes || echo no',
    "2381 here": "is_answered http://127.0.0.1:2381/metrics",
    "9179 here": "is_answered http://127.0.0.1:9179/healthz",
    "2381 elsewhere": 'is_answered "http://$OTHER:2381/metrics"',
    "9179 elsewhere": 'is_answered "http://$OTHER:9179/healthz"',
    "registry: pull": 'is_answered "http://$REGISTRY/v2/_catalog"',
    "registry: push": """
        upload=$(curl --silent --head --request POST "http://$REGISTRY/v2/probe/blobs/uploads/" |
            tr -d '\\r' | sed -n 's/^location: //Ip')
        test -n "$upload" && asked --request DELETE "$upload" && echo yes || echo no""",
    "Docker": "is_answered --unix-socket /run/docker.sock http://docker/_ping",
    "systemd": """
        said=$(ask busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
            org.freedesktop.systemd1.Manager SetEnvironment as 0)
        case $? in 0) echo yes;; *) case $said in
            *denied*|*"authentication required"*|*"No such file"*) echo no;;
            *) echo "$said";; esac;; esac""",
}
"""Commands that print how it went, by what the document calls the thing."""


def registry(stack: Stack) -> str:
    """The registry's address, as machines know it."""
    return json.loads(stack.on("machine-1", "cat /etc/docker/daemon.json").out)[
        "insecure-registries"
    ][0]


def reached(shell: Shell, other: str, registry: str) -> dict[str, str]:
    """How it goes for somebody who tries all of it, on another machine than their own."""
    tries = [
        f"printf '%s\\t%s\\n' {shlex.quote(name)} \"$({command}\n)\""
        for name, command in THINGS.items()
    ]
    script = "\n".join([f"OTHER={other} REGISTRY={registry}", PROGRAMS, *tries])
    done = shell(script)
    told = {
        name: word for name, _, word in (line.partition("\t") for line in done.out.splitlines())
    }
    assert told.keys() == THINGS.keys(), done.text
    return {**told, "2379, as": named(told["2379, as"])}


def named(users: str) -> str:
    """Users of etcd as the document calls them."""
    words = {"worker": "a worker's", "machine": "a member's"}
    found = {words.get(re.split(r"\W", user)[0], f"`{user}`") for user in users.split()}
    return ", ".join(sorted(found, key=lambda word: (not word.startswith("`"), word))) or "no"


def on(stack: Stack, machine: str, bash: str) -> Shell:
    """Somebody on a machine, by what starts bash for them there."""
    ssh = ("ssh", "-F", stack.environment()["FLEETCTL_SSH_CONFIG"], machine, bash)
    return lambda script: stack.run(*ssh, stdin=script, check=False)


def unit(stack: Stack, machine: str, *properties: str) -> Shell:
    """A unit on a machine."""
    given = [f"--property={one}" for one in properties]
    return on(stack, machine, f"sudo systemd-run --pipe --wait --quiet {' '.join(given)} bash")


def container(stack: Stack, machine: str, file: str, instance: str = "") -> Shell:
    """Another container of a unit, made as its file says, with the machine's programs to ask by."""
    text = re.sub(r"\\\n\s*", "", (CHECKOUT / "units" / file).read_text())
    made = re.search(r"docker create (.*)--name (\S+)(.*) \{\{\w+\}\}", text)
    assert made, file
    # The programs hide what --init would run.
    filled = {"%i": instance, "--init ": "", "$$": "$", "%%": "%"}
    before, name, after = (
        reduce(lambda told, pair: told.replace(*pair), filled.items(), one) for one in made.groups()
    )
    shown = stack.on(machine, f"docker inspect --format={{{{.Config.Image}}}} {name}")
    programs = f"--volume /usr:/usr:ro --entrypoint bash {shown.out.strip()}"
    run = f"docker run --rm --interactive {before}{after} {programs}"
    return on(stack, machine, f"set -a; . /etc/fleet/environment; {run}")


def neighbour(stack: Stack) -> Shell:
    """Somebody in the machines' network who is on none of them."""
    shown = json.loads(stack.run("docker", "inspect", stack.container("machine-1")).out)[0]
    (network,) = shown["NetworkSettings"]["Networks"]
    options = ("--rm", "--interactive", f"--network={network}", "--entrypoint=bash")
    return lambda script: stack.run(
        "docker", "run", *options, shown["Image"], stdin=script, check=False
    )
