from __future__ import annotations

from collections.abc import Iterator

import pytest
from standin.aws import client, tags
from standin.aws.settings import Settings


@pytest.fixture(autouse=True)
def provider_tags() -> Iterator[None]:
    client.configure(Settings(tags={"stack": "dev"}))
    yield
    client.configure(Settings())


def test_the_programs_tags_win() -> None:
    assert tags.all_tags({"tags": {"stack": "own", "a": "1"}}) == {"stack": "own", "a": "1"}
    assert tags.all_tags({}) == {"stack": "dev"}


def test_the_providers_tags_are_no_tags_of_the_program() -> None:
    found = {"stack": "dev", "a": "1"}
    assert tags.outputs(found, {}) == {"tags": {"a": "1"}, "tagsAll": found}
    assert tags.outputs({"stack": "dev"}, {}) == {"tagsAll": {"stack": "dev"}}


def test_tags_that_vanished_are_told() -> None:
    assert tags.outputs({}, {"tags": {"a": "1"}}) == {"tags": {}, "tagsAll": {}}


def test_a_providers_tag_that_was_changed_by_hand_is_a_difference() -> None:
    assert tags.outputs({"stack": "other"}, {})["tags"] == {"stack": "other"}


def test_what_to_set_and_what_to_remove() -> None:
    assert tags.difference({"a": "1", "b": "1"}, {"a": "2", "c": "1"}) == (
        {"a": "2", "c": "1"},
        ["b"],
    )


def test_aws_own_tags_are_left_alone() -> None:
    listed = [{"Key": "aws:x", "Value": "1"}, {"Key": "a", "Value": "1"}]
    assert tags.from_pairs(listed) == {"a": "1"}
