"""The probe of pinned images: asks this computer's Docker which machines are to keep their image.

Runs by itself, with the standard library only.

Usage: python3 pinned_images_probe.py TEST < NETWORK

TEST is a shell command that succeeds on a machine that is to keep its image. If it does on any
machine of the Docker network, prints JSON of the images of all of them, by name; else {}. It
never fails: a preview has to work while Docker does not.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

SECONDS = 10
"""For each call of Docker; a machine that does not answer is taken for one without a reason."""
MACHINE = "machine-"
"""What machines' host names begin with; beside them are the registry and the load balancer."""
FORMAT = "{{.Id}} {{.Config.Hostname}} {{.Config.Image}}"


def main() -> None:
    """Ask, and print the answer."""
    test, network = sys.argv[1], sys.stdin.read()
    rows = [row for row in containers(network) if row[1].startswith(MACHINE)]
    with ThreadPoolExecutor() as pool:
        pinned = any(pool.map(partial(succeeds, test), [id for id, _, _ in rows]))
    print(json.dumps({name: image for _, name, image in rows} if pinned else {}))


def containers(network: str) -> list[list[str]]:
    """Id, host name and image of each container of a network, also of those that have stopped."""
    ids = docker("ps", "--all", "--quiet", f"--filter=network={network}").split()
    listed = docker("inspect", f"--format={FORMAT}", *ids) if ids else ""
    return [line.split() for line in listed.splitlines()]


def succeeds(test: str, container: str) -> bool:
    """Whether a command does in a container."""
    return docker("exec", container, "sh", "-c", f"{test} && echo yes") == "yes\n"


def docker(*arguments: str) -> str:
    """What the docker command line prints; nothing if it fails."""
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=SECONDS
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


if __name__ == "__main__":
    main()
