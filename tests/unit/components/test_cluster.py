"""A stranger's program under Pulumi's mocks, and what its arguments are refused for."""

import re
import runpy
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

import fleet_cluster as fc
from fleet_cluster.component_host import FleetClusterProvider
from fleet_cluster.fleet.etcd_configuration import GIB
from tests.checkout import CHECKOUT
from tests.unit.mock_engine import use_mocks
from tests.unit.program.test_program import Engine

EXAMPLE = CHECKOUT / "examples/01-one-unit"
DOCKER = fc.docker(port=8080)


class Monitor(pulumi.runtime.mocks.MockMonitor):
    """Pulumi's monitor, which alone is told what a resource is deleted with."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.requests: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        self.requests[request.name] = request
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def run(monkeypatch: pytest.MonkeyPatch, program: Path) -> Monitor:
    monitor = Monitor(Engine())
    use_mocks(monitor.mocks, project="one-unit", monitor=monitor)
    pulumi.runtime.set_all_config({})
    monkeypatch.chdir(program)

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def whole() -> None:
        runpy.run_path("__main__.py")

    whole()
    return monitor


def name_of(urn: str) -> str:
    return urn.rpartition("::")[2]


def test_a_unit_waits_for_all_machines_and_goes_with_their_network(
    monkeypatch: pytest.MonkeyPatch,
):
    asked = run(monkeypatch, EXAMPLE).requests
    unit = asked["web.service"]
    waits_for = [name_of(urn) for urn in unit.dependencies]
    assert "machine-1-fleetd" in waits_for and "machine-2-fleetd" in waits_for
    assert name_of(unit.deletedWith) == "network"


def test_what_is_on_machines_goes_with_their_network(monkeypatch: pytest.MonkeyPatch):
    for name, one in run(monkeypatch, EXAMPLE).requests.items():
        if one.type.startswith("command:remote:") and name:
            assert one.deletedWith or "Leave" in one.parent, name


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"size": 0}, "size: 0 is not allowed; allowed: a whole number from 1 to 12"),
    ({"size": 13}, "size: 13 is not allowed; allowed: a whole number from 1 to 12"),
    ({"etcd_size": 2}, "etcd_size: 2 is not allowed; allowed: 1, 3 or 5"),
    ({"agent_ttl": 4}, "agent_ttl: 4 is not allowed; allowed: a whole number from 5 to 300"),
    ({"certificate_hours": 17521}, "certificate_hours: 17521 is not allowed"),
    ({"certificate_authority": 0}, "certificate_authority: 0 is not allowed"),
    (
        {"etcd_quota_backend_bytes": 1},
        "etcd_quota_backend_bytes: 1 is not .* 268435456 to 8589934592",
    ),
    ({"etcd_heartbeat_interval": 501}, "etcd_heartbeat_interval: 501 is not .* from 50 to 500"),
    ({"etcd_election_timeout": 900}, "etcd_election_timeout: 900 is not allowed; .* 1000 to 5000"),
    ({"etcd_heartbeat_interval": 500}, "etcd_election_timeout: 1000 is .* 2500 to 5000: five of"),
    ({"etcd_election_timeout": 3000, "agent_ttl": 5}, "3000 is .* 1000 to 2500: .* half of agent"),
    ({"reconcile_interval": 1}, "reconcile_interval: 1 is not allowed"),
    ({"size": 1.5}, "size: 1.5 is not allowed; allowed: a whole number from 1 to 12"),
    ({"size": "2"}, "size: '2' is not allowed; allowed: a whole number from 1 to 12"),
    ({"size": True}, "size: True is not allowed; allowed: a whole number from 1 to 12"),
    ({"etcd_election_timeout": "2000"}, "etcd_election_timeout: '2000' is not allowed; .* 1000"),
    ({"metadata": [{}, {}, {}]}, "metadata: .* at most 2 entries"),
    ({"metadata": [{}, {"role": "a b"}]}, r"metadata\[1\]: .*'a b'"),
    ({"etcd_roles": {"root": {"read": ["/app"]}}}, "etcd_roles.root: 'root' is not allowed"),
    ({"etcd_roles": {"machine-1": {}}}, "etcd_roles.machine-1: .* a machine's"),
    ({"etcd_roles": {"web": {"read": ["/a/", "/b"]}}}, r"web.read\[1\]: '/b' .* /app\* .* /app2"),
    *(
        ({"etcd_roles": {"spy": {"read": [keys]}}}, rf"spy.read\[0\]: .*{re.escape(keys)}.*fleet's")
        for keys in ("/fleet/", "/fleet/units/", "/fleet*", "/fl*", "/fleet/u*", "/fleet/c*")
    ),
    *(
        ({"etcd_roles": {"all": {"readwrite": [keys]}}}, r"etcd_roles.all.readwrite\[0\]: '")
        for keys in ("/", "/*", "*", "", "//", "app/", "/a b/", "/a**", "/fleet/internal/")
    ),
    ({"provider": {}}, r"provider: \[\] is not allowed; allowed: docker or aws"),
    ({"provider": {"docker": {"port": 0}}}, "provider.docker.port: 0 is not allowed"),
    ({"provider": fc.aws({"ssh_from": ["here"]})}, r"provider.aws.ssh_from\[0\]: 'here'"),
    ({"provider": fc.aws({"ssh_from": ["10.0.0.1"]})}, r"ssh_from\[0\]: '10.0.0.1' .* CIDRs like"),
    ({"provider": fc.aws({"ssh_from": ["10.0.0.1/32"] * 2})}, r"ssh_from\[1\]: .* each once"),
    (
        {"provider": fc.aws({"ssh_from": [], "vpc_id": "vpc-1", "subnet_ids": ["subnet-1"]})},
        r"provider.aws.subnet_ids: \['subnet-1'\] .* 2 subnets",
    ),
    ({"provider": fc.aws({"ssh_from": ["::/0"]})}, r"ssh_from\[0\].*ssh_from_anywhere"),
    *(
        ({"provider": fc.aws({"ssh_from": [], "ports": ports})}, r"provider.aws.ports: \[.* 65535")
        for ports in ([], [5000], [5000, 5050, 5099], [5099, 5000], [0, 80], [80, 65536])
    ),
    *(
        (
            {
                "provider": fc.aws({"ssh_from": [], "etcd_volume_size": given}),
                "etcd_quota_backend_bytes": 4 * GIB,
            },
            f"aws.etcd_volume_size: {given} is not .* 5 to 16384 GiB: .*_quota_backend_bytes",
        )
        for given in (-1, 1, 4, 16385)
    ),
]


@pytest.mark.parametrize(("args", "refused"), REFUSED)
def test_an_argument_that_is_not_allowed_is_named(args: dict[str, Any], refused: str):
    use_mocks(Engine(), project="one-unit")
    with pytest.raises(fc.InputError, match=refused) as error:
        fc.Cluster("cluster", cast("fc.ClusterArgs", {"provider": DOCKER, "size": 2, **args}))
    assert "pulumi config" not in str(error.value)


def test_an_image_is_built_once_and_its_name_is_no_other_images(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Pulumi refuses two resources of a name with words about URNs."""
    for folder in ("images/web", "others/web"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Dockerfile").touch()
    monkeypatch.chdir(tmp_path)
    use_mocks(Engine(), project="one-unit")

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def program() -> None:
        cluster = fc.Cluster("cluster", {"provider": DOCKER, "size": 1, "images": ["images/web"]})
        assert cluster.image("images/web") is cluster.image("./images/../images/web/")
        cluster.image("others/web")

    with pytest.raises(fc.InputError, match="images: others/web: images/web is an image web too"):
        program()


def test_other_languages_get_the_error_without_a_stack_trace():
    use_mocks(Engine(), project="one-unit")
    inputs: Any = {"provider": {"docker": {"port": 8080.0}}, "size": 0.0}
    with pytest.raises(pulumi.InputPropertyError) as error:
        FleetClusterProvider().construct("cluster", "fleet-cluster:index:Cluster", inputs)
    assert type(error.value) is pulumi.InputPropertyError, "a RunError has no property for them"
    assert error.value.property_path == "size"
    assert error.value.reason.startswith("0 is not allowed")
