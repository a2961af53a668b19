"""Tables, JSON and YAML for list commands (pure)."""

import json
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from ...model.printable import printable
from .errors import UsageError
from .spelling import did_you_mean
from .yaml_text import block

TAB = 8
TABLE, WIDE, NAME = "table", "wide", "name"
"""Values of `--output` beside `DATA`."""
YAML = "yaml"
DATA = ("json", YAML)
"""Those for programs: all fields, ids and hashes in full."""

Row = Mapping[str, Any]
"""One line of a table: field to value."""


class _Output(Action):
    """Action of `--output`: `wide` is a table of all columns."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Take the option in."""
        if values == WIDE:
            namespace.fields = ",".join(self.const)
        namespace.output = TABLE if values == WIDE else values


def add_options(
    parser: ArgumentParser, fields: Sequence[str], shown: Sequence[str], name: str = ""
) -> None:
    """The options that every list command has.

    `name`: the field by which other commands know what is listed; without one, it is no list.
    """
    parser.add_argument("--full", "-l", action="store_true", help="do not shorten ids and hashes")
    parser.add_argument("--no-legend", action="store_true", help="print no line of column titles")
    parser.add_argument(
        "--fields",
        default=",".join(shown),
        metavar="A,B",
        help=f"columns to print, of: {', '.join(fields)} (default: %(default)s)",
    )
    parser.set_defaults(named=name)
    more = "; wide: all columns; name: the names alone, each once" if name else ""
    parser.add_argument(
        "--output",
        action=_Output,
        const=tuple(fields),
        choices=[TABLE, *DATA, *([WIDE, NAME] if name else [])],
        default=TABLE,
        help=f"json, yaml: a list of objects with all fields, ids and hashes in full{more}",
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
    if is_data(arguments):
        return as_data(list(rows), arguments.output)
    if arguments.output == NAME:
        named = dict.fromkeys(_cell(row[arguments.named]) for row in rows)
        return "".join(f"{name}\n" for name in named)
    lines = [_cells(row, chosen) for row in rows]
    if not arguments.no_legend:
        lines.insert(0, [field.upper() for field in chosen])
    return align(lines)


def is_data(arguments: Namespace) -> bool:
    """Whether programs are to read the output, as one of `DATA`."""
    return arguments.output in DATA


def as_data(content: Any, output: str) -> str:
    """What JSON can say, as `output`, one of `DATA`, with the end of the last line."""
    return block(content) if output == YAML else json.dumps(content, indent=2) + "\n"


def _cells(row: Row, fields: Sequence[str]) -> list[str]:
    return [_cell(row[field]) for field in fields]


class Stream:
    """Stream of rows, printed as they change: a table in the columns of the first ones."""

    def __init__(self, arguments: Namespace, fields: Sequence[str]) -> None:
        """`arguments`: those of `add_options`.

        Raises:
            UsageError: a column is not among the fields.
        """
        self._arguments = arguments
        self._chosen = chosen_fields(arguments.fields, fields)
        self._widths: list[int] = []

    def render(self, rows: Sequence[Row]) -> str:
        """The rows as lines; as JSON one object a line, as YAML a document each."""
        if self._arguments.output == YAML:
            return "".join(f"---\n{block(row)}" for row in rows)
        if self._arguments.output == "json":
            return "".join(json.dumps(row) + "\n" for row in rows)
        if self._arguments.output == NAME:
            return "".join(f"{_cell(row[self._arguments.named])}\n" for row in rows)
        lines = [_cells(row, self._chosen) for row in rows]
        if not self._widths:
            titles = [field.upper() for field in self._chosen]
            self._widths = _widths([titles, *lines])
            lines = lines if self._arguments.no_legend else [titles, *lines]
        return "".join(_line(cells, self._widths) + "\n" for cells in lines)


def align(lines: Sequence[Sequence[str]]) -> str:
    """Columns that line up on tab stops of 8, as fleet 1.0 printed them."""
    widths = _widths(lines)
    return "".join(_line(cells, widths) + "\n" for cells in lines)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) // TAB * TAB + TAB for column in zip(*lines, strict=True)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + "\t" * max(-(-(width - len(cell)) // TAB), 1)
        for cell, width in zip(cells[:-1], widths, strict=False)
    ]
    return "".join(padded) + cells[-1]


def _cell(value: Any) -> str:
    return "-" if value is None or value == "" else printable(str(value))
