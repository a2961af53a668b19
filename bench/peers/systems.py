"""The systems that are compared: each starts, rolls and destroys the same containers.

All are asked on machine-1, as somebody who is logged in there would.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tests.cluster.stack import Done, eventually

from ..lab import HOME, SETTLE_SECONDS, Lab

FIRST = "machine-1"
IMAGES = {"localhost/bench-peers:1": "bench-peers-1", "localhost/bench-peers:2": "bench-peers-2"}
"""What is started, and what it is rolled to: the name of its process by image."""
OLD, NEW = IMAGES
AT_ONCE = 10
"""How many may be down at any time of a roll."""
UNITS = {
    "box@.service": """\
[Service]
ExecStartPre=-/usr/bin/docker rm --force box-%i
ExecStart=/usr/bin/docker run --rm --name box-%i --network host --stop-signal SIGKILL {image}
ExecStop=/usr/bin/docker stop box-%i
Restart=always
[X-Fleet]
HealthySec=0
""",
    "pod@.container": """\
[Container]
Image={image}
Network=host
StopSignal=SIGKILL
[Service]
Restart=always
[X-Fleet]
HealthySec=0
""",
}
"""Templates. PID 1 of a container ignores the usual signal: all systems kill it at once."""
SERVICE = "box"
NAMES = ("docker", "quadlet", "swarm")
"""fleet with clients of Docker, fleet with quadlets, and Swarm."""
LIVE_RESTORE = """
sed --in-place 's/"live-restore": {before}/"live-restore": {after}/' /etc/docker/daemon.json
systemctl reload docker
until [ "$(docker info --format '{{{{.LiveRestoreEnabled}}}}')" = {after} ]; do sleep 0.1; done
"""


class System(Protocol):
    """What runs containers on the machines."""

    name: str

    def set_up(self) -> None:
        """Begin to be there, with nothing to run."""
        ...

    def start(self, size: int) -> None:
        """Ask for so many containers of the old image."""
        ...

    def roll(self) -> None:
        """Ask for the new image in their place."""
        ...

    def destroy(self) -> None:
        """Ask for none."""
        ...

    def wait_until_whole(self) -> None:
        """Until all machines take part again."""
        ...

    def remove(self) -> None:
        """Leave the machines as they were."""
        ...


class Fleet:
    """fleet, with instances of one of the templates."""

    def __init__(self, lab: Lab, name: str, template: str) -> None:
        self.name = name
        self._lab = lab
        self._template = template
        self._units: list[str] = []

    def set_up(self) -> None:
        """It is there already; the template is not."""
        self._write(OLD)
        self._lab.fleetctl_there("submit", self._template)

    def start(self, size: int) -> None:
        """`fleetctl start` of all instances."""
        self._units = [self._template.replace("@", f"@{n}") for n in range(1, size + 1)]
        self._lab.fleetctl_there("start", *self._units)

    def roll(self) -> None:
        """`fleetctl rollout` of the template."""
        self._write(NEW)
        self._lab.fleetctl_there("rollout", "--max-unavailable", str(AT_ONCE), self._template)

    def destroy(self) -> None:
        """`fleetctl destroy` of all instances."""
        self._lab.fleetctl_there("destroy", *self._units)

    def wait_until_whole(self) -> None:
        """Until every machine is in etcd and in fleet, and every unit runs once."""
        self._lab.wait_until_whole()

    def remove(self) -> None:
        """The template goes, with whatever image it has by now."""
        self._lab.fleetctl_there("destroy", self._template)

    def _write(self, image: str) -> None:
        text = UNITS[self._template].format(image=image)
        write = ("bash", "-c", f"cat > {HOME}/{self._template}")
        on_machine(self._lab, FIRST, *write, stdin=text)


class Swarm:
    """Swarm of the machines' own Docker: all are managers, and one service is replicated."""

    name = "swarm"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def set_up(self) -> None:
        """The first machine makes the swarm, the others join it.

        Docker refuses that while its containers outlive it, as ours do for fleet's units.
        """
        self._set_live_restore("true", "false")
        first, *others = sorted(self._lab.machines)
        address = self._lab.machines[first]
        self._docker("swarm", "init", "--advertise-addr", address)
        token = self._docker("swarm", "join-token", "--quiet", "manager").out.strip()
        for name in others:
            join = ("docker", "swarm", "join", "--token", token, f"{address}:2377")
            on_machine(self._lab, name, *join)
        self.wait_until_whole()

    def start(self, size: int) -> None:
        """A service with so many replicas."""
        options = ("--detach", "--no-resolve-image", "--network=host", "--stop-signal=SIGKILL")
        names = (f"--name={SERVICE}", f"--replicas={size}")
        self._docker("service", "create", *options, *names, OLD)

    def roll(self) -> None:
        """An update of as many at a time as fleet may have down, without a pause between them."""
        pace = (f"--update-parallelism={AT_ONCE}", "--update-delay=0s")
        how = ("--detach", "--no-resolve-image", *pace)
        self._docker("service", "update", *how, f"--image={NEW}", SERVICE)

    def destroy(self) -> None:
        """The service goes."""
        self._docker("service", "rm", SERVICE)

    def wait_until_whole(self) -> None:
        """Until all nodes are ready, by the first manager."""
        eventually("all nodes are ready", self._all_ready, SETTLE_SECONDS)

    def remove(self) -> None:
        """Every machine leaves, so that its Docker is a plain one again."""
        for name in sorted(self._lab.machines, reverse=True):
            on_machine(self._lab, name, "docker", "swarm", "leave", "--force")
        self._set_live_restore("false", "true")

    def _set_live_restore(self, before: str, after: str) -> None:
        for name in self._lab.machines:
            edit = LIVE_RESTORE.format(before=before, after=after)
            on_machine(self._lab, name, "bash", "-ec", edit)

    def _all_ready(self) -> bool:
        shown = self._docker("node", "ls", "--format", "{{.Status}} {{.ManagerStatus}}").out
        ready = [line for line in shown.splitlines() if line in ("Ready Leader", "Ready Reachable")]
        return len(ready) == len(self._lab.machines)

    def _docker(self, *words: str) -> Done:
        return on_machine(self._lab, FIRST, "docker", *words)


def systems(lab: Lab, names: Sequence[str]) -> list[System]:
    """Those of these names, in this order."""
    known: Mapping[str, System] = {
        "docker": Fleet(lab, "docker", "box@.service"),
        "quadlet": Fleet(lab, "quadlet", "pod@.container"),
        "swarm": Swarm(lab),
    }
    return [known[name] for name in names]


def on_machine(lab: Lab, machine: str, *command: str, stdin: str = "") -> Done:
    """A command on a machine, as root."""
    exec = ("docker", "exec", "--interactive", lab.stack.container(machine))
    return lab.stack.run(*exec, *command, stdin=stdin)
