"""The slice of a unit: the one that the fence kills containers in."""

import pytest

from fleet_cluster.fleet.unitfiles.slices import slice_of


@pytest.mark.parametrize(
    ("name", "line", "slice"),
    [
        ("db.service", "Slice=db.slice", "db.slice"),
        ("db.service", "Slice=a.slice\nSlice=a-b.slice", "a-b.slice"),
        ("db@1.service", "Slice=%p_%i.slice", "db_1.slice"),
        ("db.service", "Slice=%N.slice", "db.slice"),
        ("db.service", "Nice=1", ""),
        ("db.service", "Slice=a.slice\nSlice=", ""),
        ("db.service", "Slice=db", ""),
        ("db.service", "Slice=system.slice", ""),
        ("db.service", "Slice=-.slice", ""),
        ("db.service", "Slice=%H.slice", ""),
        ("db@1.service", "Slice=%N.slice", ""),
        ("db@/.service", "Slice=%i.slice", ""),
    ],
)
def test_a_slice_is_what_the_file_says_if_it_is_the_units_own(
    name: str, line: str, slice: str
) -> None:
    assert slice_of(name, f"[Service]\n{line}\n") == slice


def test_a_file_that_cannot_be_read_names_none() -> None:
    assert slice_of("db.service", "Slice=db.slice\n") == ""
