"""How long the main job takes, with everything cached: `python -m bench.up`.

Brings a stack of three machines up until its URL has answered, then again with nothing to change,
and destroys it. Prints seconds, ratios to what Docker alone needs to boot three such machines (same
run, same image), and the most memory that the computer gave out meanwhile.
"""

import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.stack import Stack, copy_program, free_port

MACHINES = 3
SAMPLE_SECONDS = 0.25


class MemoryPeak:
    """Samples the memory in use while a `with` block runs."""

    def __enter__(self) -> "MemoryPeak":
        """Start from what is in use now."""
        self._before = self._peak = in_use()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._ended.set()
        self._thread.join()

    @property
    def mebibytes(self) -> int:
        """The most that was in use, above what was before."""
        return (self._peak - self._before) // 1024

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, in_use())


def in_use() -> int:
    """Kibibytes of this computer's memory that could not be given to anyone else."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    figures = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    return figures["MemTotal"] - figures["MemAvailable"]


def seconds(work: Callable[[], object]) -> float:
    """How long the work took."""
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def up_and_answer(stack: Stack) -> None:
    """`pulumi up`, then one request that must succeed."""
    stack.up()
    assert "200 OK" in stack.get().out


def boot_alone(stack: Stack) -> None:
    """Boot as many machines with Docker alone, until systemd has started everything."""
    model = stack.container("machine-1")
    image = stack.run("docker", "inspect", "--format", "{{.Image}}", model).out.strip()
    flags = [f"--cap-add={name}" for name in capabilities(stack, model)]
    flags += ["--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined"]
    flags += ["--security-opt=apparmor=unconfined", "--cgroupns=private", "--tmpfs=/run:exec"]
    flags += ["--tmpfs=/run/lock", "--tmpfs=/tmp:exec", "--rm", "--detach"]
    started = [stack.run("docker", "run", *flags, image).out.strip() for _ in range(MACHINES)]
    try:
        for container in started:
            stack.run("docker", "exec", container, "systemctl", "is-system-running", "--wait")
    finally:
        stack.run("docker", "rm", "--force", "--volumes", *started)


def capabilities(stack: Stack, container: str) -> list[str]:
    """The capabilities that a machine of the stack was given."""
    template = "{{range .HostConfig.CapAdd}}{{.}} {{end}}"
    return stack.run("docker", "inspect", "--format", template, container).out.split()


def main() -> None:
    """Measure, print, clean up."""
    with tempfile.TemporaryDirectory() as folder:
        program = copy_program(Path(folder) / "program")
        stack = Stack(f"bench-{secrets.token_hex(3)}", program, Path(folder) / "state")
        stack.create({"load-balancer-port": str(free_port())})
        try:
            with MemoryPeak() as memory:
                up = seconds(lambda: up_and_answer(stack))
            again = seconds(stack.up)
            alone = seconds(lambda: boot_alone(stack))
        finally:
            stack.destroy()
    rows = [("up, first answer", up), ("up, nothing to change", again), ("machines alone", alone)]
    sys.stdout.write(f"{'':24}{'seconds':>9}{'ratio':>8}\n")
    for name, took in rows:
        sys.stdout.write(f"{name:24}{took:9.1f}{took / alone:8.1f}\n")
    sys.stdout.write(f"memory at its peak: {memory.mebibytes} MiB above what was in use before\n")


if __name__ == "__main__":
    try:
        main()
    except subprocess.TimeoutExpired as error:
        sys.exit(f"{error}")
