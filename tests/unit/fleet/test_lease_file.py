"""The lease file: what is written is read, and what is damaged is an old lease."""

import math

import pytest

from fleet_cluster.fleet.lease_file import LeaseRecord


def test_a_lease_is_read_as_it_was_written() -> None:
    record = LeaseRecord(0x1F3A, 10.5, 20.25, 7)
    assert record.to_text() == "1f3a 10.5 20.25 7\n"
    assert LeaseRecord.from_text(record.to_text()) == record


def test_a_line_that_was_filled_up_on_a_full_disk_is_read() -> None:
    assert LeaseRecord.from_text("1 10.0 20.0 7\n\n\n\n").renewed_at == 20.0


@pytest.mark.parametrize("text", ["", "damaged", "1 2 3 x", "1 2 3", "x 1 2 3"])
def test_a_damaged_file_is_no_lease_and_was_renewed_long_ago(text: str) -> None:
    record = LeaseRecord.from_text(text)
    assert (record.id, record.renewed_at) == (0, -math.inf)
