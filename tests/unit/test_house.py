"""The house: sizes of modules, rooms and functions, and names that have given way to others.

The words are those of docs/glossary.md.
"""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.checkout import CHECKOUT, LIBRARY

MODULE_LINES, ROOM_MODULES = 300, 15
MEDIAN_LINES, NINE_OF_TEN_LINES = 9, 20
FILE_BYTES = 1 << 20
PICTURES = ("dashboard-dark", "dashboard-light", "dashboard-unit-dark", "dashboard-unit-light")
BINARY = frozenset(
    {
        "tests/unit/fleet/simulation/previous.zip",
        *(f"docs/pictures/{name}.png" for name in PICTURES),
    }
)
GENERATED = frozenset({"rpc_pb2.py"})
MODULES = sorted(path for path in LIBRARY.rglob("*.py") if path.name not in GENERATED)
WORDS = """
    site sites hosts ground store_probe previews forecast software aws_asking first_contact
    goals reviving application applying finishing parcel carried picture view situation facts
    mirror burst vitals ledger losses session assigning moving journeys turns turn marking mark
    draft verifying scheduling board company circles choices shaken wary sight blind homeless
    protect drop_others held bonds ties checking surroundings checkup departure passage misfits
"""
GONE = frozenset(WORDS.split())
"""Names of modules, classes and functions that had one meaning, for which the field has a word."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in MODULES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def names() -> Iterator[tuple[str, str]]:
    """Where each module, room, class and function is, and its name in snake case."""
    for path, tree in trees():
        at = str(path.relative_to(LIBRARY))
        yield at, path.stem
        yield at, path.parent.name
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | Function):
                yield f"{at}:{node.lineno}", snake_case(node.name)


def snake_case(name: str) -> str:
    parts = "".join(f"_{one.lower()}" if one.isupper() else one for one in name)
    return parts.strip("_")


def test_no_module_has_too_many_lines() -> None:
    modules = [*MODULES, *CHECKOUT.glob("*.py")]
    lines = {str(p.relative_to(CHECKOUT)): len(p.read_text().splitlines()) for p in modules}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_no_room_has_too_many_modules() -> None:
    rooms = Counter(str(p.parent.relative_to(LIBRARY)) for p in MODULES if p.stem != "__init__")
    assert {room: count for room, count in rooms.items() if count > ROOM_MODULES} == {}


def test_no_program_is_among_the_files() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    files = {name: CHECKOUT / name for name in listed if (CHECKOUT / name).is_file()}
    assert "README.md" in files
    assert [name for name, path in files.items() if path.stat().st_size > FILE_BYTES] == []
    assert {name for name, path in files.items() if b"\0" in path.read_bytes()} == BINARY


def test_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for _, tree in trees()
        for node in functions(tree)
    ]
    assert median(lengths) <= MEDIAN_LINES
    assert quantiles(lengths, n=10)[-1] <= NINE_OF_TEN_LINES


def test_no_name_has_given_way_to_another() -> None:
    assert [f"{at}: {name}" for at, name in names() if name in GONE] == []


@pytest.mark.parametrize(
    ("name", "snake"), [("WatchCache", "watch_cache"), ("_Feed", "feed"), ("of", "of")]
)
def test_names_are_compared_in_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake
