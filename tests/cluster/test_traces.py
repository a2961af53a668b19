"""OpenTelemetry's spans of what a rollout did, in Pulumi's trace and in fleetctl's own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.cluster.stack import Stack
from tests.collector import collector

TRACE = "0af7651916cd43dd8448eb211c80319c"
UNIT = "[Service]\nExecStart=/bin/sleep infinity\n"


def spans(trace: Path) -> dict[str, dict[str, Any]]:
    """By name, the spans that the engine has written: each line is a request of OTLP's, as JSON."""
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    scopes = [
        scope for line in lines for told in line["resourceSpans"] for scope in told["scopeSpans"]
    ]
    return {span["name"]: span for scope in scopes for span in scope["spans"]}


def attributes(span: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"].get("stringValue", "") for one in span["attributes"]}


def traced(cluster: Stack, to: Path) -> dict[str, dict[str, Any]]:
    """The spans of a `pulumi up` which belongs to a trace of whoever runs it."""
    # The language host that can be built here is older than the engine and hands no span of its own
    # on to the program; what the engine was given reaches it all the same.
    parent = {"TRACEPARENT": f"00-{TRACE}-b7ad6b7169203331-01"}
    replace(cluster, env={**cluster.env, **parent}).up(f"--otel-traces=file://{to}")
    return spans(to)


def test_pulumis_trace_has_what_was_started_and_where(cluster: Stack, tmp_path: Path):
    cluster.configure({"sinatra-instances": "3"})
    try:
        found = traced(cluster, tmp_path / "first.json")
        new = found["sinatra@5002.service started"]
        assert attributes(new)["fleet.machine"].startswith("machine-")
        assert attributes(new)["pulumi.urn"].endswith("::sinatra@.service")
        assert int(new["endTimeUnixNano"]) > int(new["startTimeUnixNano"])
        assert new["traceId"] == found["run-program"]["traceId"] == TRACE
        again = traced(cluster, tmp_path / "second.json")
        assert not [name for name in again if name.startswith("sinatra@")], "nothing was done"
    finally:
        cluster.configure({"sinatra-instances": "2"})
        cluster.up()


def test_a_rollout_by_hand_is_told_to_the_operators_collector(cluster: Stack, tmp_path: Path):
    unit = tmp_path / "traced.service"
    unit.write_text(UNIT)
    cluster.fleetctl("start", str(unit))
    unit.write_text(f"{UNIT}# another\n")
    try:
        with collector() as told:
            with_spans = {**cluster.env, "OTEL_EXPORTER_OTLP_ENDPOINT": told.address}
            replace(cluster, env=with_spans).fleetctl("rollout", str(unit))
        rolled, command = told.spans["traced.service rolled"], told.spans["fleetctl rollout"]
        assert told.attributes("traced.service rolled")["fleet.machine"].startswith("machine-")
        assert rolled.parent_span_id == command.span_id
    finally:
        cluster.fleetctl("destroy", "traced.service")
