"""What a preview says of units: the hooks that ask."""

import pulumi

from fleet_cluster._lifecycle.plan_hook import OpenManifest, hooks
from fleet_cluster.access import ClusterAccess
from tests.unit.mock_engine import Engine, use_mocks


def hooks_of(component: pulumi.ComponentResource) -> set[str]:
    cluster = ClusterAccess({"machines": [], "ready": True, "data_id": "1", "network": ""})
    document = pulumi.Output.from_input("{}")
    bound = hooks(component, cluster, document, OpenManifest("{}", []))
    assert bound
    return {
        hook.name for hook in bound.before_create or [] if isinstance(hook, pulumi.ResourceHook)
    }


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_a_unit_and_a_template_of_the_same_name_have_hooks_of_their_own() -> None:
    """The engine ends a preview with `resource hook already registered for name`."""
    use_mocks(Engine(), project="shop", preview=True)
    unit = pulumi.ComponentResource("fleet-cluster:index:FleetUnit", "web")
    template = pulumi.ComponentResource("fleet-cluster:index:FleetTemplate", "web")
    assert hooks_of(unit).isdisjoint(hooks_of(template))
