"""A cluster of three machines to measure on, and the two ways to run units on it."""

import secrets
import shutil
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import asking
from tests.cluster.stack import Stack, copy_program, eventually, free_port

from .counting import Counts, units_of

TEMPLATE = "sleep"
UNIT_FILE = "[Service]\nExecStart=/bin/sleep infinity\n"
FOLDER = "/run/systemd/system"
HOME = "/home/core"
"""Where a machine has the template too, for fleetctl there."""
SETTLE_SECONDS = 120.0


@dataclass(frozen=True)
class Lab:
    """The cluster. Nothing runs on it but what is measured."""

    stack: Stack
    machines: dict[str, str]
    """Addresses by name."""

    def containers(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """These machines' containers by name, or those of all."""
        return {name: self.stack.container(name) for name in names or self.machines}

    @contextmanager
    def counts(self, names: Iterable[str] | None = None) -> Generator[Counts]:
        """Count processes on these machines, or on all."""
        with Counts(self.containers(names), units_of(TEMPLATE)) as counts:
            yield counts

    def fleetctl(self, *words: str) -> None:
        """`fleetctl`, as a user types it: through the tunnel from this computer."""
        self.stack.fleetctl(*words)

    def fleetctl_there(self, *words: str) -> None:
        """`fleetctl` on the first machine itself."""
        there = ("docker", "exec", "--workdir", HOME, self.stack.container("machine-1"))
        self.stack.run(*there, "fleetctl", *words)

    def start_with_systemd(self, units: Sequence[str]) -> None:
        """The same unit files on all machines at once, one reload and one start on each."""
        self._on_all(
            units,
            f"for unit in $units; do printf %s '{UNIT_FILE}' > {FOLDER}/$unit; done\n"
            "systemctl daemon-reload && systemctl start $units\n",
        )

    def stop_with_systemd(self, units: Sequence[str]) -> None:
        """One stop and one reload on each machine."""
        self._on_all(
            units,
            f"systemctl stop $units && cd {FOLDER} && rm $units && systemctl daemon-reload\n",
        )

    def active(self, through: str = "machine-1") -> dict[str, str]:
        """The machine's address of each unit that list-units shows as active, and no other."""
        rows = asking.through(self.stack, through).fleetctl_json("list-units")
        live = [row for row in rows if row["active"] == "active" and not row["lost"]]
        return {row["unit"]: row["machine"].rpartition("/")[2] for row in live}

    def wait_until_whole(self) -> None:
        """Until every machine is in etcd and in fleet, and every unit runs once."""
        eventually(
            "the cluster is whole",
            lambda: asking.is_whole(self.stack, self.machines),
            SETTLE_SECONDS,
        )

    def set_lease(self, seconds: int) -> None:
        """Let all fleetd work with such a lease."""
        self.stack.configure({"agent-ttl": str(seconds)})
        self.stack.up()
        self.wait_until_whole()

    def _on_all(self, units: Sequence[str], script: str) -> None:
        names = sorted(self.machines)
        shares = {name: units[n :: len(names)] for n, name in enumerate(names)}
        config = self.stack.environment()["FLEETCTL_SSH_CONFIG"]

        def on(machine: str) -> None:
            assigned = f"units='{' '.join(shares[machine])}'\n"
            call = ("ssh", "-F", config, machine, "sudo sh -es")
            self.stack.run(*call, stdin=assigned + script)

        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(on, names))


def unit_names(count: int) -> list[str]:
    """The instances that are run."""
    return [f"{TEMPLATE}@{n}.service" for n in range(1, count + 1)]


@contextmanager
def lab(folder: Path) -> Generator[Lab]:
    """Three machines with etcd and fleet, until the block ends."""
    program = copy_program(folder / "program")
    shutil.copy(Path(__file__).parent / "bare_program.py", program / "__main__.py")
    (program / f"{TEMPLATE}@.service").write_text(UNIT_FILE + "[X-Fleet]\nHealthySec=0\n")
    stack = Stack(f"bench-{secrets.token_hex(3)}", program, folder / "state")
    stack.create({"load-balancer-port": str(free_port())})
    try:
        stack.up()
        made = Lab(stack, stack.outputs()["machines"])
        made.wait_until_whole()
        stack.run("docker", "cp", f"{TEMPLATE}@.service", f"{stack.container('machine-1')}:{HOME}")
        yield made
    finally:
        _remove(stack)


def _remove(stack: Stack) -> None:
    """Remove all that was made, also what Pulumi had under way and has not noted."""
    try:
        stack.destroy()
    finally:
        stack.remove_docker_objects()
