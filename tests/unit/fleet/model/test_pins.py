"""Pins: the versions of secrets in a unit's file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.model.pins import pinned, pins_of, secrets_of, unpinned

FILE = """\
[Service]
ExecStart=/bin/web
LoadCredential=db-password:/run/fleet/credentials
LoadCredential=other:/etc/other
LoadCredential=key:/run/fleet/credentials
"""


def test_the_secrets_of_a_file_are_those_that_fleets_socket_is_asked_for() -> None:
    assert secrets_of(FILE) == ("db-password", "key")


def test_an_empty_line_withdraws_those_before_it() -> None:
    assert secrets_of(f"{FILE}LoadCredential=\n") == ()


def test_a_comment_and_another_section_name_none() -> None:
    text = "[Service]\n# LoadCredential=a:/run/fleet/credentials\n"
    assert secrets_of(text) == ()


def test_a_file_is_pinned_to_the_versions_that_there_are() -> None:
    text = pinned(FILE, {"db-password": "2-9f3c", "unused": "1-aaaa"})
    assert pins_of(text) == {"db-password": "2-9f3c"}
    assert text.startswith(FILE) and secrets_of(text) == secrets_of(FILE)


@given(st.text("ab\n\\# =-", max_size=30), st.booleans())
def test_the_file_as_it_was_written_comes_back(end: str, twice: bool) -> None:
    text = FILE + end
    once = pinned(text, {"db-password": "1-9f3c"})
    again = pinned(once, {"db-password": "2-04be"}) if twice else once
    assert unpinned(again) == text


def test_a_pin_that_somebody_wrote_counts_for_nothing() -> None:
    forged = f"{FILE}\n# fleet: secrets root-key=1-0000"
    assert pins_of(pinned(forged, {"db-password": "1-9f3c"})) == {"db-password": "1-9f3c"}


@pytest.mark.parametrize("text", ["", "[Service\n", "x" * 10])
def test_a_file_that_cannot_be_read_names_none(text: str) -> None:
    assert secrets_of(text + "/run/fleet/credentials") == ()
