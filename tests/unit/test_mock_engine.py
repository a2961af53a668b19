"""The mock of Pulumi's engine, whatever ran before in the same program."""

import asyncio

import pulumi

from tests.unit.mock_engine import Engine, use_mocks


def test_mocks_are_used_where_no_event_loop_was_left() -> None:
    asyncio.run(asyncio.sleep(0))
    use_mocks(Engine(), project="shop")
    seen = list[str]()

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def program() -> pulumi.Output[None]:
        return pulumi.Output.from_input("there").apply(seen.append)

    program()
    assert seen == ["there"]
