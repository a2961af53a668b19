"""A collector of OpenTelemetry's spans, as programs reach one by OTLP over gRPC."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

untyped: Any = trace_service_pb2_grpc


@dataclass
class Collector:
    """What it has been told."""

    address: str = ""
    spans: dict[str, Any] = field(default_factory=dict[str, Any])
    """By name."""
    services: set[str] = field(default_factory=set[str])

    def Export(self, request: Any, _context: object) -> object:  # noqa: N802
        """Take spans: the one call of OTLP's TraceService."""
        for told in request.resource_spans:
            self.services.add(_attributes(told.resource)["service.name"])
            for scope in told.scope_spans:
                self.spans |= {span.name: span for span in scope.spans}
        return trace_service_pb2.ExportTraceServiceResponse()

    def attributes(self, name: str) -> dict[str, Any]:
        """The attributes of a span."""
        return _attributes(self.spans[name])


def _attributes(told: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in told.attributes}


@contextmanager
def collector() -> Generator[Collector]:
    """Run a collector on a port of its own."""
    found, server = Collector(), grpc.server(ThreadPoolExecutor(2))
    untyped.add_TraceServiceServicer_to_server(found, server)
    found.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield found
    finally:
        server.stop(None)
