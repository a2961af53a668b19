"""Who reaches what when compromised: docs/security.md says it, and each cell is tried here."""

import re
from collections.abc import Callable, Mapping

import pytest

from tests.cluster import asking, reach
from tests.cluster.reach import Shell
from tests.cluster.stack import Stack
from tests.documents import table

REACHES = table("docs/security.md", "Who reaches what")
HERE, ELSEWHERE = "machine-1", "machine-2"
AS_ITSELF = "User=nobody"


def of_the_app(stack: Stack) -> Shell:
    machines = stack.outputs()["machines"]
    where = asking.placements(stack, machines)["sinatra@5000.service"]
    return reach.container(stack, where, "sinatra@.service", "5000")


WHO: Mapping[str, Callable[[Stack], Shell]] = {
    "a unit, as a user of its own": lambda stack: reach.unit(stack, HERE, AS_ITSELF),
    "the same, in group `fleet`": lambda stack: reach.unit(stack, HERE, AS_ITSELF, "Group=fleet"),
    "root on a member": lambda stack: reach.unit(stack, HERE),
    "the app's container": of_the_app,
    "nginx's container": lambda stack: reach.container(stack, HERE, "nginx.service"),
    "nginx-pool's container": lambda stack: reach.container(stack, HERE, "nginx-pool.service"),
    "the machines' network": reach.neighbour,
}
"""Those of the table; for root on a worker, see tests/cluster/test_worker.py."""


def test_the_table_has_everybody_and_everything():
    assert REACHES.keys() == {*WHO, "root on a worker"}
    assert {tuple(row) for row in REACHES.values()} == {tuple(reach.THINGS)}


@pytest.mark.parametrize("who", WHO)
def test_each_reaches_what_its_row_says(cluster: Stack, machines: dict[str, str], who: str):
    found = reach.reached(WHO[who](cluster), machines[ELSEWHERE], reach.registry(cluster))
    assert found == REACHES[who] | {name: found[name] for name in none_there(REACHES[who])}


def none_there(row: Mapping[str, str]) -> list[str]:
    """Things that do not exist for somebody: a port of their own machine, if they have none."""
    return [name for name, cell in row.items() if cell == "-"]


def test_an_image_that_was_exchanged_in_the_registry_runs_nowhere(cluster: Stack):
    """Whoever has the registry may give others: not under the digests that units name."""
    name = f"{reach.registry(cluster)}/probe"
    make = f"tar --create --files-from=/dev/null | docker import - {name}"
    ask = f"docker inspect --format='{{{{index .RepoDigests 0}}}}' {name}"
    made = cluster.on(HERE, f"{make} && docker push --quiet {name} && {ask} && docker rmi {name}")
    (digest,) = re.findall(rf"^{name}@sha256:(\w+)$", made.out, re.M)[:1]
    pull = f"docker pull --quiet {name}@sha256:{digest}"
    # Not where it is refused later: Docker keeps a manifest for a while after its image is removed.
    cluster.on("machine-3", f"{pull} && docker rmi {name}@sha256:{digest}")
    blob = f"/var/lib/docker-registry/docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"
    registry = cluster.container("registry")
    cluster.run("docker", "exec", registry, "sh", "-c", f"echo >> {blob}")
    refused = cluster.on(ELSEWHERE, pull, check=False)
    assert refused.code != 0 and "verification failed" in refused.text, refused.text
