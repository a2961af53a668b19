"""Pulumi's engine, as tests of components have it."""

from typing import Any, cast

import pulumi


class Engine(pulumi.runtime.Mocks):
    """An engine that makes what it is asked for, and keeps what local commands were given."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        inputs = cast("dict[str, Any]", args.inputs)  # pyright: ignore[reportUnknownMemberType]
        if args.typ == "command:local:Command":
            self.commands.append(inputs)
        return f"{args.name}-id", inputs

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return {}, []
