"""Keeps files and archives whole on their way through Pulumi's Python SDK."""

from collections.abc import Iterator
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

CONTENTS = ("text", "path", "uri", "assets")
SIGNATURE: str = rpc._special_sig_key  # pyright: ignore[reportPrivateUsage]
ASSET: str = rpc._special_asset_sig  # pyright: ignore[reportPrivateUsage]
ARCHIVE: str = rpc._special_archive_sig  # pyright: ignore[reportPrivateUsage]


class AssetTokens:
    """Replaces what the SDK cannot read by tokens, and the tokens by what was there.

    The engine leaves out the contents of files that are part of a state and sends their hash
    alone. The SDK only reads those with contents, and drops every hash.
    """

    def __init__(self) -> None:
        """Begins with no tokens: one table serves one request and its response."""
        self._originals: dict[tuple[str, str], struct_pb2.Struct] = {}

    def put(self, request: Any) -> None:
        """Makes every file and archive of a request readable."""
        for struct in _assets_of(request):
            original = struct_pb2.Struct()
            original.CopyFrom(struct)
            if not struct.fields["assets"].struct_value.fields:
                # An archive of a path comes with an empty list too, which the SDK would take.
                del struct.fields["assets"]
            if not any(name in struct.fields for name in CONTENTS):
                struct.fields["path"].string_value = f"asset:{len(self._originals)}"
            self._originals[_key(struct)] = original

    def take_back(self, response: Any) -> None:
        """Gives every file and archive of a response that came with the request its old form."""
        for struct in _assets_of(response):
            original = self._originals.get(_key(struct))
            if original is not None:
                struct.CopyFrom(original)


def _key(struct: struct_pb2.Struct) -> tuple[str, str]:
    name = next((name for name in CONTENTS if name in struct.fields), "")
    return name, str(struct.fields[name]) if name else ""


def _assets_of(message: Any) -> list[struct_pb2.Struct]:
    fields: list[Any] = [value for _, value in message.ListFields()]
    structs = [value for value in fields if isinstance(value, struct_pb2.Struct)]
    return [asset for struct in structs for asset in _assets_in(struct)]


def _assets_in(struct: struct_pb2.Struct) -> Iterator[struct_pb2.Struct]:
    if SIGNATURE in struct.fields and struct.fields[SIGNATURE].string_value in (ASSET, ARCHIVE):
        yield struct
        return
    for value in struct.fields.values():
        yield from _assets_in_value(value)


def _assets_in_value(value: struct_pb2.Value) -> Iterator[struct_pb2.Struct]:
    if value.HasField("struct_value"):
        yield from _assets_in(value.struct_value)
    elif value.HasField("list_value"):
        for item in value.list_value.values:
            yield from _assets_in_value(item)
