"""Secrets as resources: what is refused, and what Pulumi shows of them."""

from typing import Any

import pulumi
import pytest

from fleet_cluster._lifecycle import plan_hook
from fleet_cluster.errors import InputError
from fleet_cluster.fleet.model.secrets import MAX_BYTES
from fleet_cluster.machine import Connection
from fleet_cluster.unit_secrets.secrets import Secrets
from tests.unit.mock_engine import Engine, use_mocks

WAY = Connection(host="10.0.0.1", private_key="key", host_key="ssh-ed25519 AAAA")
ACCESS: dict[str, Any] = {
    "machines": [{"name": "machine-1", "metadata": {}, "connection": dict(WAY)}],
    "ready": True,
    "data_id": "one",
    "network": "",
}


@pytest.fixture
def engine() -> Engine:
    made = Engine()
    use_mocks(made, project="shop")
    return made


def test_what_tells_one_value_from_another_is_not_logged(engine: Engine) -> None:
    """The command plugin logs what a command prints, secret in the state or not."""

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def program() -> Any:
        return Secrets("shop", {"cluster": ACCESS, "secrets": {"db-password": "x"}}).names

    program()
    assert [one["logging"] for one in engine.commands] == ["stderr"]


@pytest.mark.parametrize("is_preview", [True, False])
def test_a_preview_of_units_knows_the_secrets_that_are_set_beside_them(
    is_preview: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = set[str]()
    monkeypatch.setattr(plan_hook, "_secrets", known)
    use_mocks(Engine(), project="shop", preview=is_preview)
    Secrets("shop", {"cluster": ACCESS, "secrets": {"db-password": "x"}})
    assert known == ({"db-password"} if is_preview else set())


@pytest.mark.parametrize(
    ("value", "said"), [("", "is empty"), ("x" * (MAX_BYTES + 1), str(MAX_BYTES))]
)
def test_a_value_that_no_unit_could_be_given_is_refused_before_a_machine_is_asked(
    engine: Engine, value: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as refused:
        Secrets("shop", {"cluster": ACCESS, "secrets": {"db-password": value}})
    assert "xx" not in str(refused.value)
    assert not engine.commands


def test_secrets_that_come_as_one_output_are_set_each(engine: Engine) -> None:
    """As YAML has them, where one value is an output: the whole map is one, and a secret."""

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def program() -> Any:
        given: Any = pulumi.Output.secret(pulumi.Output.from_input({"b": "x", "a": "y"}))
        return Secrets("shop", {"cluster": ACCESS, "secrets": given}).names.apply(seen.append)

    seen: list[list[str]] = []
    program()
    assert seen == [["a", "b"]]
    assert len(engine.commands) == 2
