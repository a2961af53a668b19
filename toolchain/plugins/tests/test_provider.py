import asyncio
import os
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT
from standin.command.copy import DIGEST, CopyToRemote
from standin.command.local import LocalCommand
from standin.command.remote import RemoteCommand
from standin.docker.container import Container
from standin.docker.network import Network
from standin.inputs import SdkType
from standin.provider import TAINTED, InitFailed, StandIn, changes
from standin.resource import SILENT, Context, HalfMade, PluginError, Resource, auto_name
from standin.values import UNKNOWN, plain_map, wrap_map

NETWORK = "docker:index/network:Network"


def stand_in() -> StandIn:
    return StandIn(
        [Network(), Container(), LocalCommand()], {}, {"host": "X_HOST"}, lambda urn: SILENT
    )


def urn(token: str) -> str:
    return f"urn:pulumi:stack::project::{token}::name"


def check(token: str, old: dict[str, Any], new: dict[str, Any]) -> rpc.CheckResponse:
    request = rpc.CheckRequest(urn(token), wrap_map(old), wrap_map(new), b"seed")
    return asyncio.run(stand_in().check(request))


def checked(token: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    response = check(token, old, new)
    assert not response.failures
    return plain_map(response.inputs or {})


def test_a_name_is_chosen_once() -> None:
    first = checked(NETWORK, {}, {})
    assert first["name"] == auto_name("name", b"seed")
    assert first["__defaults"] == ["ipamDriver", "name"]
    kept = checked(NETWORK, first | {"name": "name-abcdef1"}, {})
    assert kept["name"] == "name-abcdef1"


def test_a_name_that_was_given_is_not_kept_when_it_is_taken_back() -> None:
    given = checked(NETWORK, {}, {"name": "mine"})
    assert given["name"] == "mine"
    assert checked(NETWORK, given, {})["name"] == auto_name("name", b"seed")


def test_inputs_keep_their_secrets_in_check() -> None:
    secret = PropertyValue("hush", is_secret=True)
    request = rpc.CheckRequest(urn("command:local:Command"), {}, {"create": secret}, b"")
    inputs = asyncio.run(stand_in().check(request)).inputs
    assert inputs is not None
    assert inputs["create"].is_secret


def test_failures_name_the_input() -> None:
    failures = check(NETWORK, {}, {"drivr": "x"}).failures
    assert failures is not None
    assert failures[0].property == "drivr"


def test_the_types_of_parents_do_not_matter() -> None:
    assert checked(f"my:own:Component${NETWORK}", {}, {})["name"]


def test_an_unknown_resource_says_what_there_is() -> None:
    with pytest.raises(PluginError, match="docker:index/network:Network"):
        check("docker:index/service:Service", {}, {})


def test_changes_by_top_level_names() -> None:
    old: dict[str, Any] = {"image": "a", "restart": "no", "memory": 5, "networkDatas": []}
    new = {"image": "b", "restart": "no", "hostname": UNKNOWN}
    assert changes(Container(), old, new) == {
        "image": "update",
        "hostname": "add",
        "memory": "delete",
    }


def test_what_was_read_back_is_no_change() -> None:
    assert changes(Container(), {"hostname": "read", "image": "a"}, {"image": "a"}) == {}


def test_order_does_not_matter_where_the_engine_has_a_set() -> None:
    old = {"image": "a", "envs": ["A=1", "B=2"], "command": ["a", "b"]}
    new = {"image": "a", "envs": ["B=2", "A=1"], "command": ["b", "a"]}
    assert changes(Container(), old, new) == {"command": "update"}


def test_a_gateway_of_the_engine_is_no_change() -> None:
    old = {"ipamConfigs": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}]}
    assert changes(Network(), old, {"ipamConfigs": [{"subnet": "10.1.0.0/24"}]}) == {}
    moved = {"ipamConfigs": [{"subnet": "10.2.0.0/24"}]}
    assert changes(Network(), old, moved) == {"ipamConfigs": "update"}


def test_a_copied_file_is_compared_by_content() -> None:
    old = {"source": "left out", DIGEST: "1"}
    assert changes(CopyToRemote(), old, {"source": "file", DIGEST: "1"}) == {}
    assert changes(CopyToRemote(), old, {"source": "file", DIGEST: "2"}) == {"source": "update"}


def test_a_container_is_deleted_before_it_is_replaced() -> None:
    state, news = wrap_map({"image": "a"}), wrap_map({"image": "b"})
    token = "docker:index/container:Container"
    request = rpc.DiffRequest(urn(token), "id", state, news, [])
    response = asyncio.run(stand_in().diff(request))
    assert response.delete_before_replace
    assert response.replaces == ["image"]
    assert response.detailed_diff["image"].kind is rpc.PropertyDiffKind.UPDATE_REPLACE


def test_a_preview_knows_inputs_and_no_outputs() -> None:
    inputs = wrap_map({"create": "true"})
    request = rpc.CreateRequest(urn("command:local:Command"), inputs, 0, preview=True)
    properties = asyncio.run(stand_in().create(request)).properties
    assert properties["create"].value == "true"
    assert properties["stdout"].value == UNKNOWN_TEXT


def test_outputs_and_secrets_of_a_real_create() -> None:
    inputs = wrap_map({"create": "echo out"}) | {"stdin": PropertyValue("x", is_secret=True)}
    request = rpc.CreateRequest(urn("command:local:Command"), inputs, 0, preview=False)
    response = asyncio.run(stand_in().create(request))
    assert response.resource_id is not None
    assert response.resource_id.startswith("name")
    assert response.properties["stdout"].value == "out"
    assert response.properties["stdin"].is_secret


def test_a_setting_of_the_provider_becomes_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_HOST", "before")
    request = rpc.ConfigureRequest({}, wrap_map({"host": "unix:///x", "version": "1"}), True, True)
    asyncio.run(stand_in().configure(request))
    assert os.environ["X_HOST"] == "unix:///x"


def test_other_settings_of_the_provider_are_refused() -> None:
    inputs = wrap_map({"version": "1", "host": "x", "sshOpts": ["-v"]})
    request = rpc.CheckRequest(urn("pulumi:providers:docker"), {}, inputs, b"")
    failures = asyncio.run(stand_in().check_config(request)).failures
    assert failures is not None
    assert [failure.property for failure in failures] == ["sshOpts"]


def test_an_update_in_place_keeps_known_outputs_in_previews() -> None:
    old = wrap_map({"image": "a", "restart": "no", "bridge": "known"})
    news = wrap_map({"image": "a", "restart": "always"})
    token = urn("docker:index/container:Container")
    request = rpc.UpdateRequest(token, "id", old, news, 0, [], preview=True)
    properties = asyncio.run(stand_in().update(request)).properties
    assert plain_map(properties) == {"image": "a", "restart": "always", "bridge": "known"}


class Plain(Resource):
    """A certificate in name only, whose life cycle the tests choose."""

    token = "tls:index/selfSignedCert:SelfSignedCert"
    sdk = SdkType("pulumi_tls", "SelfSignedCert")

    def create(self, context: Context, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        raise HalfMade("it broke", "id", {"certPem": "half"})

    def read(self, context: Context, identity: str, state: dict[str, Any]) -> dict[str, Any] | None:
        return {"validityPeriodHours": 2, "certPem": "seen"}

    def update(
        self, context: Context, identity: str, state: dict[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        return {"keyAlgorithm": "new"}


def plain_one() -> StandIn:
    return StandIn([Plain()], {}, {}, lambda urn: SILENT)


def test_an_update_keeps_the_outputs_that_it_does_not_change() -> None:
    old = wrap_map({"earlyRenewalHours": 1, "certPem": "kept", "keyAlgorithm": "old"})
    news = wrap_map({"validityPeriodHours": 3})
    request = rpc.UpdateRequest(urn(Plain.token), "id", old, news, 0, [], preview=False)
    properties = asyncio.run(plain_one().update(request)).properties
    assert plain_map(properties) == {
        "validityPeriodHours": 3, "certPem": "kept", "keyAlgorithm": "new"
    }  # fmt: skip


def test_a_refresh_reads_inputs_too() -> None:
    state = wrap_map({"validityPeriodHours": 1, "certPem": "old"})
    inputs = wrap_map({"validityPeriodHours": 1})
    request = rpc.ReadRequest(urn(Plain.token), "id", state, inputs)
    response = asyncio.run(plain_one().read(request))
    assert plain_map(response.inputs or {}) == {"validityPeriodHours": 2}
    assert plain_map(response.properties or {}) == {"validityPeriodHours": 2, "certPem": "seen"}


def test_what_is_half_made_is_kept_and_replaced() -> None:
    inputs = wrap_map({"validityPeriodHours": 1})
    request = rpc.CreateRequest(urn(Plain.token), inputs, 0, preview=False)
    with pytest.raises(InitFailed, match="it broke") as failure:
        asyncio.run(plain_one().create(request))
    assert failure.value.identity == "id"
    kept = plain_map(failure.value.state)
    assert kept == {"validityPeriodHours": 1, "certPem": "half", TAINTED: True}
    again = rpc.DiffRequest(urn(Plain.token), "id", failure.value.state, inputs, [])
    assert asyncio.run(plain_one().diff(again)).replaces == ["id"]


def test_ignored_changes_are_none() -> None:
    state, news = wrap_map({"image": "a"}), wrap_map({"image": "b"})
    token = "docker:index/container:Container"
    request = rpc.DiffRequest(urn(token), "id", state, news, ["image"])
    assert not asyncio.run(stand_in().diff(request)).changes


def test_files_as_triggers_are_refused() -> None:
    connection = {"host": "h"}
    inputs = {"connection": connection, "triggers": [{"a": [pulumi.FileAsset("x")]}]}
    [problem] = RemoteCommand().check(inputs)
    assert problem.path == "triggers"
