"""Keys of etcd that a program may write are those that the application's role may write."""

from typing import Any

import pulumi
import pytest

from fleet_cluster.fleet.etcd_roles import APP
from fleet_cluster.fleet.etcd_roles import OWN as ROLES
from fleet_cluster.keys import EtcdKeys, check_key
from tests.unit.mock_engine import Engine, use_mocks

ACCESS: dict[str, Any] = {
    "machines": [
        {
            "name": "machine-1",
            "metadata": {},
            "connection": {"host": "10.0.0.1", "private_key": "key", "host_key": "ssh-ed25519 A"},
        }
    ],
    "ready": True,
    "data_id": "one",
    "network": "",
}
PREFIXES = {permission.prefix for role in ROLES for permission in role.permissions}
OWN = {permission.prefix for permission in APP.permissions if permission.access == "readwrite"}


@pytest.mark.parametrize("prefix", sorted(OWN))
def test_the_applications_keys_are_allowed(prefix: str) -> None:
    assert check_key(f"{prefix}/greeting") == f"{prefix}/greeting"


@pytest.mark.parametrize("prefix", sorted(PREFIXES - OWN))
def test_keys_of_other_roles_are_refused(prefix: str) -> None:
    with pytest.raises(pulumi.RunError):
        check_key(f"{prefix}/greeting")


class Monitor(pulumi.runtime.mocks.MockMonitor):
    """Pulumi's monitor, which sees what is a secret."""

    def __init__(self) -> None:
        super().__init__(Engine())
        self.values: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        if request.type == "command:local:Command":
            self.values[request.name] = request.object["stdin"]
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


@pytest.mark.parametrize("secret", [False, True])
def test_keys_that_come_as_one_output_are_written_each(secret: bool) -> None:
    """As YAML has them, where one value is an output: the whole map is one, or one secret."""
    monitor, seen = Monitor(), list[list[str]]()
    use_mocks(monitor.mocks, project="shop", monitor=monitor)

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def program() -> Any:
        given: Any = pulumi.Output.from_input({"/app/b": "x", "/app/a": "y"})
        given = pulumi.Output.secret(given) if secret else given
        return EtcdKeys("keys", {"cluster": ACCESS, "keys": given}).keys.apply(seen.append)

    program()
    assert seen == [["/app/a", "/app/b"]]
    assert sorted(monitor.values) == ["/app/a", "/app/b"]
    assert all(isinstance(value, str) != secret for value in monitor.values.values())
