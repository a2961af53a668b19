from typing import Any

from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2
from standin.asset_tokens import ARCHIVE, ASSET, SIGNATURE, AssetTokens


def struct(**fields: Any) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(fields)
    return made


def through_the_sdk(sent: struct_pb2.Struct) -> struct_pb2.Struct:
    request = provider_pb2.ReadRequest(properties=sent)
    tokens = AssetTokens()
    tokens.put(request)
    values = PropertyValue.unmarshal_map(request.properties)
    response = provider_pb2.ReadResponse(properties=PropertyValue.marshal_map(values))
    tokens.take_back(response)
    return response.properties


def test_left_out_contents_stay_left_out() -> None:
    sent = struct(source={SIGNATURE: ASSET, "hash": "1"}, other=[{SIGNATURE: ARCHIVE, "hash": "2"}])
    assert through_the_sdk(sent) == sent


def test_hashes_stay() -> None:
    sent = struct(
        a={SIGNATURE: ASSET, "hash": "1", "path": "x"},
        b={SIGNATURE: ARCHIVE, "hash": "2", "path": "x/", "assets": {}},
        c={SIGNATURE: ASSET, "hash": "3", "text": "x"},
        d="text",
    )
    assert through_the_sdk(sent) == sent


def test_new_contents_are_not_touched() -> None:
    request = provider_pb2.ReadRequest(properties=struct(a={SIGNATURE: ASSET, "path": "x"}))
    tokens = AssetTokens()
    tokens.put(request)
    fresh = struct(a={SIGNATURE: ASSET, "path": "y"})
    response = provider_pb2.ReadResponse(properties=fresh)
    tokens.take_back(response)
    assert response.properties == fresh
