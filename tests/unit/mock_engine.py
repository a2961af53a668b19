"""Pulumi's engine, as tests of components have it."""

import asyncio
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
        is_state = args.token == "pulumi:pulumi:readStackResourceOutputs"
        return {"outputs": {}} if is_state else {}, []


def use_mocks(mocks: pulumi.runtime.Mocks, project: str, **options: Any) -> None:
    """Have Pulumi's runtime work with mocks, for a stack called test.

    Its stack's resource needs an event loop; `asyncio.run`, in a test before, has taken that away.
    """
    try:
        asyncio.get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())
    named = {"project": project, "stack": "test", "organization": "organization"}
    pulumi.runtime.set_mocks(mocks, **named, **options)
