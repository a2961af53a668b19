"""Quadlets on real machines: the whole example of docs/units.md, and what Podman cannot use."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT
from tests.cluster import asking
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

PROGRAM = """
web_instances = [str(6000 + number) for number in range(chosen.sinatra_instances - 2)]
web = fc.FleetTemplate(
    "web",
    {
        "cluster": cluster.access,
        "file": "units/web@.container",
        "values": {"web_image": cluster.image("images/sinatra")},
        "instances": web_instances,
    },
    pulumi.ResourceOptions(depends_on=sinatra),
)
fc.FleetTemplate(
    "web-discovery",
    {
        "cluster": cluster.access,
        "file": "units/web-discovery@.service",
        "instances": web_instances,
    },
    pulumi.ResourceOptions(depends_on=web),
)
"""
WEB = "web@6000.container"
KEYS = "images/nginx-pool/files/etc/confd/conf.d/keys.toml"
STUCK = """\
[Container]
Image={image}
Volume=stuck.volume:/srv
Network=none
Exec=sleep infinity
StopSignal=SIGKILL
[X-Fleet]
Global=true
HealthySec=0
"""


def with_web(text: str, sinatra: str) -> str:
    """With the name web beside the other."""
    assert sinatra in text
    return text.replace(sinatra, f"{sinatra}, {sinatra.replace('sinatra', 'web')}")


def example(name: str) -> str:
    """A unit file of the document."""
    document = (CHECKOUT / "docs/units.md").read_text()
    (text,) = re.findall(rf"^```ini\n# {re.escape(name)}\n(.*?)^```", document, re.M | re.S)
    return text


@pytest.fixture(scope="module")
def quadlets(cluster: Stack) -> Iterator[Path]:
    """The program with one instance of the example, in the pool of nginx beside its own app."""
    program, pool = cluster.program / "__main__.py", cluster.program / KEYS
    before, pool_before = program.read_text(), pool.read_text()
    try:
        for name in ("web@.container", "web-discovery@.service"):
            (cluster.program / "units" / name).write_text(example(name))
        program.write_text(with_web(before, '"/fleet/internal/fleet/sinatra*"') + PROGRAM)
        pool.write_text(with_web(pool_before, '"/fleet/internal/fleet/sinatra"'))
        cluster.configure({"sinatra-instances": "3"})
        cluster.up()
        yield cluster.program / "units" / "web@.container"
    finally:
        program.write_text(before)
        pool.write_text(pool_before)
        cluster.configure({"sinatra-instances": "2"})
        cluster.up()


def host(cluster: Stack, unit: str) -> str:
    """The machine that a unit runs on."""
    machines = cluster.outputs()["machines"]
    (row,) = cluster.units()[unit]
    address = row["machine"].partition("/")[2]
    return next(name for name, known in machines.items() if known == address)


@pytest.mark.usefixtures("quadlets")
def test_a_quadlet_is_a_unit_as_any_other(cluster: Stack):
    assert [row["active"] for row in cluster.units()[WEB]] == ["active"]
    machine = host(cluster, WEB)
    asked = cluster.on(machine, "systemctl show web@6000.service -p ControlGroup -p MemoryMax").out
    found = dict(line.split("=", 1) for line in asked.splitlines())
    assert found["MemoryMax"] == str(512 << 20)
    inside = cluster.on(machine, "sudo sh -c 'cat /proc/$(pgrep -o -f ^puma.*:6000)/cgroup'").out
    assert f"{found['ControlGroup']}/" in inside, "its own cgroup holds what the container runs"
    assert "Web app on port 6000" in cluster.fleetctl("status", WEB).out
    assert "puma" in cluster.fleetctl("journal", "--lines", "all", WEB).out.lower()
    history = cluster.fleetctl("history", "--fields", "images", "web@.container").out
    assert "/sinatra@sha256:" in history


@pytest.mark.usefixtures("quadlets")
def test_its_service_is_not_the_unit(cluster: Stack):
    refused = cluster.fleetctl("status", "web@6000.service", check=False)
    assert refused.code != 0
    assert f"the service that Podman makes of {WEB}" in refused.err
    service = cluster.program / "web@6000.service"
    service.write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    refused = cluster.fleetctl("start", str(service), check=False)
    assert refused.code != 0
    assert f"on a machine it is web@6000.service, and so is {WEB}" in refused.err
    assert service.name not in cluster.fleetctl("list-unit-files").out


@pytest.mark.faults  # The walkthrough does as much.
def test_it_scales_and_rolls_without_a_failed_request(cluster: Stack, quadlets: Path):
    machines, url = cluster.outputs()["machines"], cluster.outputs()["url"]
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)
    first = cluster.on(host(cluster, WEB), SHOW).out
    quadlets.write_text(quadlets.read_text().replace("PidsLimit=64", "PidsLimit=65"))
    cluster.configure({"sinatra-instances": "4"})
    with Load(url) as load:
        cluster.up()
    print(load)
    assert not load.failed, load.failed
    units = cluster.units()
    assert [units[name][0]["active"] for name in (WEB, "web@6001.container")] == ["active"] * 2
    assert cluster.on(host(cluster, WEB), SHOW).out != first
    served = {line for _ in range(40) for line in cluster.get().out.splitlines() if "unit" in line}
    assert any("web@6000" in line for line in served), served


SHOW = "systemctl show web@6000.service -p InvocationID"


@pytest.mark.faults
@pytest.mark.usefixtures("quadlets")
def test_what_podman_cannot_use_is_told_and_runs_when_it_can_also_after_a_reboot(cluster: Stack):
    image = re.findall(r"^Image=(.*)", cluster.fleetctl("cat", WEB).out, re.M)[0]
    stuck, volume = cluster.program / "stuck.container", cluster.program / "stuck.volume"
    stuck.write_text(STUCK.format(image=image))
    volume.write_text("[Volume]\n[X-Fleet]\nGlobal=true\n")
    try:
        told = cluster.fleetctl("start", "--timeout", "30", str(stuck), check=False)
        assert told.code != 0
        assert "Podman: requested Quadlet source stuck.volume was not found" in told.err
        cluster.fleetctl("start", str(volume))
        cluster.fleetctl("start", str(stuck))
        everywhere = ["active"] * len(cluster.outputs()["machines"])
        assert [row["active"] for row in cluster.units()[stuck.name]] == everywhere
        cluster.fleetctl("reboot", "machine-3")
        assert [row["active"] for row in cluster.units()[stuck.name]] == everywhere
    finally:
        cluster.fleetctl("destroy", stuck.name, volume.name)
    left = "ls /run/containers/systemd /run/fleet/units"
    eventually("nothing is left", lambda: "stuck" not in cluster.on("machine-1", left).out)
