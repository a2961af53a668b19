"""Export of a trace: OpenTelemetry's SDK, which only the operator's computer has."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from threading import Thread

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ...model.rollout_step import RolloutStep
from ...spans import TRACER, record_step
from ..cli.output import notice_if_slow

SERVICE = "fleetctl"
"""Unless the operator's environment names the service otherwise."""
EXPORT_SECONDS = 2.0
"""So long may a collector take for what it is sent at once."""
END_SECONDS = 3.0
"""So long does a command wait, when it has ended, for a collector to take its spans."""


@dataclass(frozen=True)
class CommandSpan:
    """Span of a command, in which the steps of its rollout are."""

    span: Span
    provider: TracerProvider

    def on_step(self, step: RolloutStep) -> None:
        """Record a step of the rollout."""
        record_step(step, set_span_in_context(self.span), provider=self.provider)

    def end_with(self, code: int) -> None:
        """Note the exit code."""
        self.span.set_attribute("process.exit.code", code)
        self.span.set_status(StatusCode.ERROR if code else StatusCode.OK)


def command_span(command: str, collector: str, parent: str) -> AbstractContextManager[CommandSpan]:
    """Span of a command, which a collector gets with all in it when the command has ended.

    It raises whatever OpenTelemetry does when it cannot use its settings in the environment.

    Args:
        command: its name.
        collector: where the exporter finds it in the environment, for who waits.
        parent: the span that it belongs to, as the W3C's traceparent; or nothing.
    """
    named = Resource.create({SERVICE_NAME: SERVICE}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_SECONDS)))
    return _exported(command, provider, collector, parent)


@contextmanager
def _exported(
    command: str, provider: TracerProvider, collector: str, parent: str
) -> Generator[CommandSpan]:
    context = TraceContextTextMapPropagator().extract({"traceparent": parent})
    tracer = provider.get_tracer(TRACER)
    try:
        with tracer.start_as_current_span(f"{SERVICE} {command}", context) as span:
            try:
                yield CommandSpan(span, provider)
            except KeyboardInterrupt:  # No error, by OpenTelemetry, which sees to all others.
                span.set_status(StatusCode.ERROR, "interrupted")
                raise
    finally:
        _end(provider, collector)


def _end(provider: TracerProvider, collector: str) -> None:
    """Have a collector take what it has not got yet; who does not want to wait presses Ctrl-C.

    In a thread, since OpenTelemetry's own time limits for it are 30 seconds, or none.
    """
    ending = Thread(target=provider.shutdown, daemon=True)
    with (
        suppress(KeyboardInterrupt),  # The command has ended, and its exit code stays.
        notice_if_slow(f"Waiting for {collector} to take the spans of this."),
    ):
        ending.start()
        ending.join(END_SECONDS)
