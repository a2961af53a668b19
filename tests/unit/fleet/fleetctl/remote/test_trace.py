"""The trace of a command: spans for who asks for them, told by a real exporter to a collector."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from signal import SIGINT
from threading import Thread
from time import monotonic

import pytest

from fleet_cluster.fleet.fleetctl.remote import trace_export
from fleet_cluster.fleet.fleetctl.remote.access import FromOutside
from fleet_cluster.fleet.fleetctl.remote.ssh import SshHost, SshOptions
from fleet_cluster.fleet.fleetctl.remote.trace import ENDPOINTS, PARENT, traced
from fleet_cluster.fleet.fleetctl.remote.tunnel import Tunnel
from fleet_cluster.fleet.model.rollout_step import OnStep, RolloutStep
from fleet_cluster.fleet.model.wire import to_wire
from tests.collector import Collector, collector

STEP = RolloutStep("web@1.service", "rolled", "machine-2", 1_800_000_000.25, 1_800_000_004.5)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for name in [name for name in os.environ if name.startswith("OTEL_") or name == PARENT]:
        monkeypatch.delenv(name)
    with collector() as found:
        monkeypatch.setenv(ENDPOINTS[1], found.address)
        yield found


def roll(on_step: OnStep | None) -> int:
    assert on_step
    on_step(STEP)
    return 1


def test_a_step_is_a_span_in_the_commands_with_the_times_of_its_machine(told: Collector) -> None:
    assert traced("rollout", roll) == 1
    assert told.services == {"fleetctl"}
    command, step = told.spans["fleetctl rollout"], told.spans["web@1.service rolled"]
    assert step.parent_span_id == command.span_id and step.trace_id == command.trace_id
    assert (step.start_time_unix_nano, step.end_time_unix_nano) == (
        1_800_000_000_250_000_000,
        1_800_000_004_500_000_000,
    )
    assert told.attributes("web@1.service rolled") == {
        "fleet.unit": "web@1.service",
        "fleet.change": "rolled",
        "fleet.machine": "machine-2",
    }


def test_a_command_that_fails_is_a_span_that_failed(told: Collector) -> None:
    traced("rollout", roll)
    assert told.attributes("fleetctl rollout") == {"process.exit.code": 1}
    assert told.spans["fleetctl rollout"].status.code == 2, "ERROR, by OTLP"


def test_one_that_is_interrupted_is_told_as_well(told: Collector) -> None:
    def interrupted(_on_step: OnStep | None) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        traced("rollout", interrupted)
    assert told.spans["fleetctl rollout"].status.code == 2


def test_the_span_belongs_to_the_one_of_who_calls(
    told: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PARENT, f"00-{TRACE}-{SPAN}-01")
    traced("rollout", roll)
    span = told.spans["fleetctl rollout"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_SERVICE_NAME", "shop"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop")],
)
def test_the_environment_may_name_the_service(
    told: Collector, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    traced("rollout", roll)
    assert told.services == {"shop"}


@pytest.fixture
def silent(told: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A collector that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv(ENDPOINTS[1], f"http://127.0.0.1:{server.getsockname()[1]}")
        yield server


def test_a_collector_that_hangs_holds_a_command_up_no_longer_than_said(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenTelemetry's own limit is 10 seconds for each 512 spans, or what other programs need."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "10000")
    monkeypatch.setattr(trace_export, "END_SECONDS", 0.5, raising=False)
    began = monotonic()
    assert traced("rollout", roll) == 1
    assert monotonic() - began < 5


def test_who_does_not_wait_for_a_collector_has_the_commands_exit_code(
    silent: socket.socket,
) -> None:
    def interrupt() -> None:
        silent.accept()  # It is sent spans, so the command has ended.
        os.kill(os.getpid(), SIGINT)

    Thread(target=interrupt, daemon=True).start()
    assert traced("rollout", roll) == 1


def test_without_a_collector_nothing_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "fleet_cluster.fleet.fleetctl.remote.trace_export", None)
    assert traced("rollout", lambda on_step: 0 if on_step is None else 1) == 0


def test_without_the_exporter_the_command_runs_and_says_what_is_missing(
    told: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(
        sys.modules, "fleet_cluster.fleet.fleetctl.remote.trace_export", raising=False
    )
    exporter = "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"
    monkeypatch.setitem(sys.modules, exporter, None)
    assert traced("rollout", lambda on_step: 0 if on_step is None else 1) == 0
    said = capsys.readouterr().err
    assert "opentelemetry.exporter" in said and "OTEL_TRACES_EXPORTER=none" in said


def is_untraced(on_step: OnStep | None) -> int:
    return 0 if on_step is None else 1


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_SDK_DISABLED", " True"), ("OTEL_TRACES_EXPORTER", "none")]
)
def test_who_wants_no_spans_has_none_and_is_told_nothing(
    told: Collector,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    assert traced("rollout", is_untraced) == 0
    assert not told.spans and not capsys.readouterr().err


@pytest.mark.parametrize("value", ["otlp", "console, otlp", "otlp_proto_grpc"])
def test_who_names_the_exporter_has_spans(
    told: Collector, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", value)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    traced("rollout", roll)
    assert "fleetctl rollout" in told.spans


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "by gRPC, not by http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[x", "its settings: Invalid IPv6 URL"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2s", "its settings: could not convert"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip", 'its settings: Invalid value "zip"'),
    ],
)
def test_settings_that_cannot_be_used_keep_no_command_from_its_work(
    told: Collector,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    assert traced("rollout", is_untraced) == 0
    said = capsys.readouterr().err
    assert reason in said and "OTEL_TRACES_EXPORTER=none" in said


def test_a_step_that_cannot_be_read_ends_no_rollout() -> None:
    """Through another version's fleetctl: when the near one ends, the far one ends as well."""
    outside = FromOutside(Tunnel(SshHost("machine-1"), SshOptions()), [])
    seen: list[RolloutStep] = []
    for step in ({"unit": "web@1.service"}, "rolled", None, to_wire(STEP) | {"seconds": 4.25}):
        outside.take_message(json.dumps({"step": step}), seen.append)
    assert seen == [STEP]
