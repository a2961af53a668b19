"""Tables and JSON for list commands (pure)."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from ...model.printable import printable
from .errors import UsageError
from .spelling import did_you_mean

TAB = 8

Row = Mapping[str, Any]
"""One line of a table: field to value."""


def add_options(parser: ArgumentParser, fields: Sequence[str], shown: Sequence[str]) -> None:
    """The options that every list command has."""
    parser.add_argument("--full", "-l", action="store_true", help="do not shorten ids and hashes")
    parser.add_argument("--no-legend", action="store_true", help="print no line of column titles")
    parser.add_argument(
        "--fields",
        default=",".join(shown),
        metavar="A,B",
        help=f"columns to print, of: {', '.join(fields)} (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        choices=["table", "json"],
        default="table",
        help="json: a list of objects with all fields, ids and hashes in full",
    )


def add_units(parser: ArgumentParser) -> None:
    """The units to list, for commands that list units."""
    parser.add_argument(
        "units", nargs="*", metavar="UNIT", help="only these: units, or quoted patterns"
    )


def nothing_listed(given: Sequence[str]) -> str:
    """What to say when there is no unit to list."""
    if given:
        return f"No unit in the cluster matches {' '.join(given)}"
    return "There is no unit in the cluster; to start one: fleetctl start FILE"


def chosen_fields(given: str, fields: Sequence[str]) -> list[str]:
    """The fields of a `--fields` option.

    Raises:
        UsageError: one is not among the allowed.
    """
    chosen = [field.strip().lower() for field in given.split(",")]
    for field in chosen:
        if field not in fields:
            hint = did_you_mean(field, fields)
            raise UsageError(f"unknown field {field!r}; allowed are: {', '.join(fields)}{hint}")
    return chosen


def render(rows: Sequence[Row], arguments: Namespace, fields: Sequence[str]) -> str:
    """The rows as the options of `add_options` want them."""
    chosen = chosen_fields(arguments.fields, fields)
    if arguments.output == "json":
        return json.dumps(list(rows), indent=2) + "\n"
    lines = [[_cell(row[field]) for field in chosen] for row in rows]
    if not arguments.no_legend:
        lines.insert(0, [field.upper() for field in chosen])
    return align(lines)


def align(lines: Sequence[Sequence[str]]) -> str:
    """Columns that line up on tab stops of 8, as fleet 1.0 printed them."""
    widths = [max(map(len, column)) // TAB * TAB + TAB for column in zip(*lines, strict=True)]
    return "".join(_line(cells, widths) + "\n" for cells in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + "\t" * -(-(width - len(cell)) // TAB)
        for cell, width in zip(cells[:-1], widths, strict=False)
    ]
    return "".join(padded) + cells[-1]


def _cell(value: Any) -> str:
    return "-" if value is None or value == "" else printable(str(value))
