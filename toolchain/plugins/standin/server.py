"""Serves a provider to Pulumi's engine over gRPC."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS  # pyright: ignore
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from .asset_tokens import AssetTokens
from .provider import InitFailed
from .resource import Log, PluginError


class EngineLog:
    """The engine's log; `EngineLog(address)(urn)` is the log of one resource."""

    def __init__(self, address: str) -> None:
        """Takes the engine's `host:port`."""
        self._stub: Any = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def __call__(self, urn: str) -> Log:
        """Returns the log of the resource with this URN."""
        return Log(
            status=lambda text: self._write(urn, engine_pb2.INFO, text, ephemeral=True),
            info=lambda text: self._write(urn, engine_pb2.INFO, text, ephemeral=False),
            warning=lambda text: self._write(urn, engine_pb2.WARNING, text, ephemeral=False),
        )

    def _write(self, urn: str, severity: Any, text: str, *, ephemeral: bool) -> None:
        self._stub.Log(
            engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
        )


class EngineDialect(grpc.aio.ServerInterceptor):
    """Settles three things between Pulumi's engine and its Python SDK.

    The text of a `PluginError` is sent alone: gRPC would put the exception's class before it, and
    the SDK raises another one in its place, with a stack trace.
    An `InitFailed` takes the state along that the engine is to keep.
    Files and archives pass through the SDK as they came, see `AssetTokens`.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wraps the method's handler."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler

        async def call(request: Any, context: Any) -> Any:
            tokens = AssetTokens()
            tokens.put(request)
            try:
                response = await handler.unary_unary(request, context)
            except Exception as raised:
                error = _plugin_error(raised)
                if not error:
                    raise
                if isinstance(error, InitFailed):
                    context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
                await context.abort(grpc.StatusCode.UNKNOWN, str(error))
            else:
                tokens.take_back(response)
                return response

        return grpc.unary_unary_rpc_method_handler(
            call, handler.request_deserializer, handler.response_serializer
        )


def _plugin_error(raised: BaseException | None) -> PluginError | None:
    """The plugin's own error, of those that led to the one raised."""
    while raised and not isinstance(raised, PluginError):
        raised = raised.__context__
    return raised


def _details(error: InitFailed) -> bytes:
    """The form in which gRPC carries what an error knows besides its text."""
    failed: Any = provider_pb2.ErrorResourceInitFailed(
        id=error.identity,
        properties=PropertyValue.marshal_map(error.state),
        reasons=[str(error)],
    )
    status: Any = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(failed)
    return status.SerializeToString()


def serve(provider: Provider, version: str, engine_address: str) -> None:
    """Serves until the engine ends the process. Prints the port, as Pulumi's plugins must."""

    async def run() -> None:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS, interceptors=[EngineDialect()])
        servicer = ProviderServicer([], version, provider, engine_address=engine_address)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await server.wait_for_termination()

    # The engine ends its plugins with an interrupt.
    with suppress(KeyboardInterrupt):
        asyncio.run(run())
