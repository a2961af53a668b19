#!/usr/bin/env bash
# Pulumi's component host for Python: InputPropertyError loses its form where components raise it.
#
# Guess: InputPropertyError, "the client has made a request with a bad input property", reaches the
# engine with the argument's name and the reason, wherever in Construct it is raised.
# Seen in pulumi 3.250.0: so it does where the host itself finds an argument missing. Raised by the
# component's constructor, which is where arguments are checked, it is wrapped in a
# ComponentInitError and arrives as an unexpected exception: a tuple's text and a stack trace.
# So: a host of components unwraps it before it answers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pulumi==3.250.0

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
from importlib.metadata import version
from typing import TypedDict

import grpc
import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import errors_pb2, provider_pb2 as provider, resource_pb2 as resource
from pulumi.runtime.proto import provider_pb2_grpc, resource_pb2_grpc
from pulumi.runtime.proto.status_pb2 import Status


class AppArgs(TypedDict):
    size: pulumi.Input[str]


class App(pulumi.ComponentResource):
    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None):
        raise pulumi.InputPropertyError("size", f"{args['size']} is not allowed")


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    async def SupportsFeature(self, request, context):
        return resource.SupportsFeatureResponse(hasSupport=True)


async def answer(stub: provider_pb2_grpc.ResourceProviderStub, engine: str, **args: str) -> str:
    """The error of Construct: its code, and the argument's name and reason if they are told."""
    inputs = Struct()
    inputs.update(args)
    what = {"name": "app", "type": "shop:index:App", "monitorEndpoint": engine, "inputs": inputs}
    try:
        await stub.Construct(provider.ConstructRequest(**what))
    except grpc.aio.AioRpcError as error:
        told, parts = errors_pb2.InputPropertiesError(), dict(error.trailing_metadata() or ())
        for part in Status.FromString(parts.get("grpc-status-details-bin", b"")).details:
            part.Unpack(told)
        reasons = [f"{one.property_path}: {one.reason}" for one in told.errors]
        return f"{error.code().name}, {'; '.join(reasons) or error.details()}"
    return "no error"


async def look() -> None:
    server = grpc.aio.server()
    engine = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    host = ProviderServicer(ComponentProvider([App], "shop"), [], engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(host, server)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
    await server.start()
    async with grpc.aio.insecure_channel(engine) as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        missing, refused = await answer(stub, engine), await answer(stub, engine, size="XXL")
    await server.stop(1)
    print(f"missing: {missing}\nrefused by the constructor: {refused}")
    assert missing.startswith("INVALID_ARGUMENT, size: Missing required input"), "changed"
    assert refused.startswith("UNKNOWN, Unexpected") and "line" in refused, "changed"


print(f"pulumi {version('pulumi')}")
asyncio.run(look())
PYTHON
