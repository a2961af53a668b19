"""Serves a provider to Pulumi's engine over gRPC."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
from google.protobuf import struct_pb2
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import rpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS  # pyright: ignore
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

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
    """Settles two things between Pulumi's engine and its Python SDK.

    The text of a `PluginError` is sent alone: gRPC would put the exception's class before it.
    Files and archives arrive without contents when they are part of a state; the SDK only reads
    those that have some, so they get empty ones, which the engine takes as left out again.
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
            asked = type(request)()
            asked.CopyFrom(request)
            for field in STRUCTS.intersection(request.DESCRIPTOR.fields_by_name):
                _fill_assets(getattr(request, field))
            try:
                answer = await handler.unary_unary(request, context)
                if isinstance(answer, provider_pb2.ReadResponse):
                    _echo_assets(asked.properties, answer.properties)
                    _echo_assets(asked.inputs, answer.inputs)
                return answer
            except PluginError as error:
                await context.abort(grpc.StatusCode.UNKNOWN, str(error))

        return grpc.unary_unary_rpc_method_handler(
            call, handler.request_deserializer, handler.response_serializer
        )


STRUCTS = {"olds", "news", "properties", "inputs", "old_inputs"}
ASSETS = {rpc._special_asset_sig, rpc._special_archive_sig}  # pyright: ignore
CONTENTS = {"text", "path", "uri", "assets"}


def _fill_assets(struct: struct_pb2.Struct) -> None:
    """Gives every asset and archive in `struct` without contents empty ones."""
    signature = struct.fields.get(rpc._special_sig_key)  # pyright: ignore
    if signature is not None and not CONTENTS & set(struct.fields):
        if signature.string_value == rpc._special_asset_sig:  # pyright: ignore
            struct.fields["text"].string_value = ""
        elif signature.string_value == rpc._special_archive_sig:  # pyright: ignore
            struct.fields["assets"].struct_value.SetInParent()
    for value in struct.fields.values():
        _fill_assets_in(value)


def _echo_assets(asked: struct_pb2.Struct, answer: struct_pb2.Struct) -> None:
    """Gives back the assets of a refresh as they came: by their hash, the engine knows them."""
    for name, value in asked.fields.items():
        signature = value.struct_value.fields.get(rpc._special_sig_key)  # pyright: ignore
        if signature is not None and signature.string_value in ASSETS and name in answer.fields:
            answer.fields[name].CopyFrom(value)


def _fill_assets_in(value: struct_pb2.Value) -> None:
    if value.HasField("struct_value"):
        _fill_assets(value.struct_value)
    elif value.HasField("list_value"):
        for item in value.list_value.values:
            _fill_assets_in(item)


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
