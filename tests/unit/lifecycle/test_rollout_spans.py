"""Spans of an update: the hooks that make them of what a unit's command has printed."""

import json
from collections.abc import Iterator

import pulumi
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fleet_cluster._lifecycle.rollout_spans import PARENT, hooks, steps
from fleet_cluster.fleet.model.rollout_step import RolloutStep
from fleet_cluster.fleet.model.wire import to_wire
from tests.unit.mock_engine import Engine, use_mocks

STEP = RolloutStep("web@1.service", "rolled", "machine-2", 1_800_000_000.25, 1_800_000_004.5)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
STDOUT = json.dumps({"placements": {}, "steps": [to_wire(STEP)]})
URN = "urn:pulumi:test::shop::fleet-cluster:index:FleetTemplate$command:local:Command::web@.service"


@pytest.fixture(autouse=True)
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What Pulumi's SDK exports, when it traces."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setenv(PARENT, f"00-{TRACE}-{SPAN}-01")
    use_mocks(Engine(), project="shop")
    yield exporter
    provider.shutdown()


def hook_of(component: pulumi.ComponentResource) -> pulumi.ResourceHook:
    bound = hooks(component)
    assert bound and bound.after_create == bound.after_update
    (hook,) = bound.after_create or []
    assert isinstance(hook, pulumi.ResourceHook)
    return hook


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def run_hook(stdout: str, is_secret: bool) -> None:
    """As the SDK does when the engine says that a command has run."""
    component = pulumi.ComponentResource("fleet-cluster:index:FleetTemplate", "web")
    outputs = {"stdout": pulumi.Output.secret(stdout) if is_secret else stdout}
    arguments = pulumi.ResourceHookArgs(
        URN, "id", "web@.service", "command:local:Command", new_outputs=outputs
    )
    answer = hook_of(component)(arguments)
    assert answer
    await answer


@pytest.mark.parametrize("is_secret", [False, True])
def test_what_a_command_has_printed_becomes_spans(
    spans: InMemorySpanExporter, is_secret: bool
) -> None:
    """All outputs are secret when one input is: the command plugin's own way with them."""
    _ = run_hook(STDOUT, is_secret)
    (span,) = spans.get_finished_spans()
    assert (span.name, (span.attributes or {})["pulumi.urn"]) == ("web@1.service rolled", URN)
    assert span.context and f"{span.context.trace_id:032x}" == TRACE
    assert span.parent and f"{span.parent.span_id:016x}" == SPAN


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_components_of_the_same_name_have_hooks_of_their_own() -> None:
    """The engine ends an update with `resource hook already registered for name`."""
    units: list[pulumi.ComponentResource] = []
    for place in ("Staging", "Production"):
        parent = pulumi.ComponentResource(f"shop:index:{place}", place.lower())
        opts = pulumi.ResourceOptions(parent=parent)
        units.append(pulumi.ComponentResource("fleet-cluster:index:FleetUnit", "web", None, opts))
    first, second = map(hook_of, units)
    assert first.name != second.name


@pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
async def test_without_a_trace_there_are_no_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PARENT)
    component = pulumi.ComponentResource("fleet-cluster:index:FleetUnit", "web")
    assert hooks(component) is None


@pytest.mark.parametrize(
    "stdout",
    [None, "", "{", "[]", '{"placements": {}}', '{"steps": null}', '{"steps": [{"unit": "web"}]}'],
)
def test_what_has_no_steps_that_can_be_read_becomes_none(stdout: str | None) -> None:
    assert not list(steps(stdout))
