"""Images of one small program that sleeps, under a name of its own, for Docker and for Podman."""

from concurrent.futures import ThreadPoolExecutor

from .lab import Lab

PROGRAM = "benchsleep"
"""What runs in the containers: no other process of the machines has that name."""
IMAGE = "localhost/bench:1"
_MAKE = """
set -e
folder=$(mktemp -d)
cp --parents -L $(ldd /usr/bin/sleep | grep -o '/[^ ]*') $folder
cp /usr/bin/sleep $folder/{program}
tar -C $folder -c . >/tmp/bench.tar
docker import --change 'ENTRYPOINT ["/{program}", "infinity"]' /tmp/bench.tar {image}
podman import --change 'ENTRYPOINT ["/{program}", "infinity"]' /tmp/bench.tar {image}
rm -r $folder /tmp/bench.tar
"""


def make_image(lab: Lab, image: str, program: str) -> None:
    """Make the image on every machine; `program` is the name of its process."""

    def on(machine: str) -> None:
        lab.stack.on(machine, "sudo bash", stdin=_MAKE.format(image=image, program=program))

    with ThreadPoolExecutor(len(lab.machines)) as pool:
        list(pool.map(on, lab.machines))
