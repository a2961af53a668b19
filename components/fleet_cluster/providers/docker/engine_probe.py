"""What this computer's Docker engine offers: asked once, before anything is made.

Runs by itself (`python3 -`, with the standard library only) as the stack's first resource. Prints
JSON `{"subnet", "registry_port", "ssh_ports", "privileged", "direct", "load_balancer_port"}`, which
the stack's state keeps, so that later previews are stable. Run again, it keeps what it found.
"""

import ipaddress
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack

POOL = ipaddress.IPv4Network("172.30.0.0/16")
SECONDS = 120
"""For each call of Docker."""
TRIAL_IMAGE = "debian:trixie-20261005-slim"


def main() -> None:
    """Probe, and print what was found; on a problem, one clear error and exit code 1."""
    info = engine()
    kept = json.loads(os.environ.get("PULUMI_COMMAND_STDOUT") or "{}")
    check_port(int(os.environ["LOAD_BALANCER_PORT"]), kept.get("load_balancer_port", 0))
    found = {key: kept[key] for key in kept if key != "load_balancer_port"} or probe(info)
    found["load_balancer_port"] = int(os.environ["LOAD_BALANCER_PORT"])
    json.dump(found, sys.stdout, sort_keys=True)


def engine() -> dict[str, object]:
    """`docker info`, or an error that says how to start it."""
    answer = docker("info", "--format", "{{json .}}")
    info = json.loads(answer.stdout or "{}")
    problems = info.get("ServerErrors") or ([] if answer.returncode == 0 else [answer.stderr])
    if problems:
        fail(
            "the Docker engine does not answer",
            str(problems[0]).strip(),
            "start Docker, then run pulumi up again",
        )
    return info


def check_port(port: int, own: int) -> None:
    """Refuse a port that something else listens on; 0 means that none is wanted."""
    if port in (0, own) or is_free(port):
        return
    fail(
        f"provider.docker.port: port {port} of 127.0.0.1 is in use",
        f"`ss -ltnp sport = :{port}` tells by whom",
        f"stop that program, or choose another port, for example {free_ports(1)[0]}",
    )


def probe(info: dict[str, object]) -> dict[str, object]:
    """Find a free subnet and free ports, and whether privileged containers are allowed."""
    subnet = free_subnet(taken_subnets())
    registry_port, *ssh_ports = free_ports(1 + int(os.environ["MACHINES"]))
    return {
        "subnet": str(subnet),
        "registry_port": registry_port,
        "ssh_ports": ssh_ports,
        "privileged": may_be_privileged(),
        "direct": sys.platform == "linux" and "Desktop" not in str(info.get("OperatingSystem")),
    }


def free_subnet(taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """A /24 of the pool that overlaps none of the taken networks."""
    busy = list(taken)
    free = [net for net in POOL.subnets(new_prefix=24) if not any(map(net.overlaps, busy))]
    if not free:
        fail(
            f"no free network in {POOL}",
            "every /24 of it is used by Docker or by a route of this computer",
            "remove unused networks: docker network prune",
        )
    return random.choice(free)


def taken_subnets() -> list[ipaddress.IPv4Network]:
    """The networks of Docker and of this computer's routes."""
    names = docker("network", "ls", "--quiet").stdout.split()
    template = "{{range .IPAM.Config}}{{.Subnet}} {{end}}"
    listed = docker("network", "inspect", "--format", template, *names).stdout.split()
    docker_subnets = [ipaddress.ip_network(text) for text in listed]
    return [net for net in docker_subnets if isinstance(net, ipaddress.IPv4Network)] + routes()


def routes() -> list[ipaddress.IPv4Network]:
    """The destinations in Linux's routing table, the default route left out."""
    try:
        lines = open("/proc/net/route").read().splitlines()[1:]  # noqa: PTH123, SIM115
    except FileNotFoundError:
        return []
    networks = [network_of(*line.split()[1:8:6]) for line in lines]
    return [net for net in networks if net.prefixlen]


def network_of(destination: str, mask: str) -> ipaddress.IPv4Network:
    """A network from the little-endian hexadecimal of /proc/net/route."""
    address, netmask = (socket.inet_ntoa(bytes.fromhex(text)[::-1]) for text in (destination, mask))
    return ipaddress.IPv4Network(f"{address}/{netmask}", strict=False)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on; each is held until the last one is found."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in listeners]


def is_free(port: int) -> bool:
    """Whether a program can listen on 127.0.0.1:port, this user's rights apart."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except PermissionError:
            # Docker may, though this user may not: 80, for example.
            return not is_answered(port)
        except OSError:
            return False
    return True


def is_answered(port: int) -> bool:
    """Whether something takes connections to 127.0.0.1:port."""
    with socket.socket() as client:
        client.settimeout(5)
        return client.connect_ex(("127.0.0.1", port)) == 0


def may_be_privileged() -> bool:
    """Whether the engine can start a privileged container."""
    trial = docker("run", "--rm", "--privileged", "--network=none", TRIAL_IMAGE, "true")
    return trial.returncode == 0


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the docker command line; without it, or if it hangs, one clear error."""
    command = ["docker", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError:
        fail("docker is not installed", "no `docker` on PATH", "install Docker")
        raise
    except subprocess.TimeoutExpired:
        given = f"`docker {arguments[0]}` took longer than {SECONDS} s"
        fail("the Docker engine does not answer", given, "see that it works, then pulumi up again")
        raise


def fail(wrong: str, given: str, next_step: str) -> None:
    """End with an error in three parts."""
    sys.exit(f"{wrong}: {given}. Next step: {next_step}")


if __name__ == "__main__":
    main()
