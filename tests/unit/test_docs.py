"""What prose names in backticks is there: files, and names of the code."""

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, suppress
from functools import cache
from io import StringIO
from pathlib import Path, PurePosixPath

import pytest

from fleet_cluster.fleet.fleetctl.commands import COMMANDS
from fleet_cluster.fleet.fleetctl.commands.parser import parse
from tests.checkout import CHECKOUT
from tests.documents import FILLED_IN, calls, printed_headers, shell_lines, table

DOCUMENTS = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("components/*.md")]
CODE = [
    path
    for folder in ("bench", "components", "tests", "toolchain", "examples", "units", "images")
    for path in CHECKOUT.glob(f"{folder}/**/*.py")
]
QUOTED = re.compile(r"`([^`\s]+)`")
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)]*)?\)")
SECTION = re.compile(r"(docs/\w+\.md)[^\"\n]{0,40}\"(\w[^\"\n]+)\"")
"""As the program, a rule or the changes name a part of a document."""
PATH = re.compile(r"[\w@*-][\w.@*-]*(/[\w.@*-]+)*/?")
NAME = re.compile(r"([A-Za-z_]\w*)(\.[A-Za-z_]\w*)*(\(\))?")
ERROR = re.compile(r"\b[A-Z]\w*Error\b(?=[\w., ]*:)")
"""As docstrings name it before a colon."""
SOURCES = (".py", ".md", ".sh", ".toml", ".yaml")
MADE_UP = {"some_command.py"}
ELSEWHERE = {"APIClient"}
"""Names of other people's code that no code of ours has."""


@cache
def tree() -> tuple[frozenset[str], frozenset[str]]:
    """All paths of the checkout, hidden ones left out; its top level's folders."""
    found: set[str] = set()
    left = [CHECKOUT]
    while left:
        for path in left.pop().iterdir():
            if path.name.startswith(".") or path.name == "__pycache__":
                continue
            found.add(path.relative_to(CHECKOUT).as_posix())
            if path.is_dir():
                left.append(path)
    top = {path for path in found if "/" not in path and (CHECKOUT / path).is_dir()}
    return frozenset(found), frozenset(top)


def looks_like_one_of_ours(word: str) -> bool:
    """A source file's name, or a path that begins with a folder of the checkout."""
    below_top = "/" in word and word.partition("/")[0] in tree()[1]
    return bool(PATH.fullmatch(word)) and (word.endswith(SOURCES) or below_top)


def is_there(word: str) -> bool:
    """Whether a file or folder has this path, or one that ends with it."""
    wanted = word.rstrip("/")
    return any(PurePosixPath(path).match(wanted) for path in tree()[0])


def missing(text: str) -> list[str]:
    """The paths that a text names and that are not there."""
    named = {word for word in QUOTED.findall(text) if looks_like_one_of_ours(word)}
    return sorted(word for word in named - MADE_UP if not is_there(word))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_files_that_are_there(path: Path) -> None:
    assert missing(path.read_text()) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    linked = {link for link, _ in LINK.findall(path.read_text())}
    assert {link for link in linked if not (path.parent / link).exists()} == set()


def test_whoever_names_a_section_of_a_document_names_one_that_is_there() -> None:
    texts = [*CHECKOUT.glob("docs/monitoring/*.yaml"), *CHECKOUT.glob("components/*.md"), *CODE]
    named = {found for path in texts for found in SECTION.findall(path.read_text())}
    assert len(named) > 5
    assert {one for one in named if not has_section(*one)} == set()


def has_section(path: str, heading: str) -> bool:
    """Whether a document has this heading, of whichever level."""
    return re.search(rf"^#+ {re.escape(heading)}$", (CHECKOUT / path).read_text(), re.M) is not None


@cache
def all_tests() -> frozenset[str]:
    """The names of all tests."""
    named = (re.findall(r"^def (test_\w+)", path.read_text(), re.M) for path in CODE)
    return frozenset(name for names in named for name in names)


def named_tests(text: str) -> set[str]:
    """The tests that a text names."""
    return {word for word in QUOTED.findall(text) if re.fullmatch(r"test_\w+", word)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_tests_that_are_there(path: Path) -> None:
    assert named_tests(path.read_text()) - all_tests() == set()


def test_each_row_of_the_trust_model_names_its_tests() -> None:
    rows = table("docs/security.md", "The trust model")
    assert len(rows) > 15
    without = {who for who, row in rows.items() if not named_tests(row["Tried by"])}
    assert without == {"the operator's computer, or the state with its passphrase or key"}


def test_each_claim_of_the_comparison_names_its_tests() -> None:
    rows = table("docs/comparison.md", "What is here, and the test that holds it")
    assert len(rows) > 10
    without = {what for what, row in rows.items() if not named_tests(row["Test"])}
    assert without == {"certificates for users"}


def test_docstrings_and_comments_name_files_that_are_there() -> None:
    stale = {path.relative_to(CHECKOUT).as_posix(): missing(path.read_text()) for path in CODE}
    assert {path: words for path, words in stale.items() if words} == {}


def texts_with_commands() -> Iterator[str]:
    """All documents, and the examples of fleetctl's own help."""
    for folder in ("", "docs/", "docs/*/", "components/", "examples/"):
        yield from (path.read_text() for path in CHECKOUT.glob(f"{folder}*.md"))
    yield from (f"```\n{command.example.strip()}\n```" for command in COMMANDS.values())


def fleetctl_lines() -> Iterator[str]:
    """Lines for a shell that name fleetctl."""
    lines = (line for text in texts_with_commands() for line in shell_lines(text))
    return (line for line in lines if "fleetctl" in line)


def refusal(words: Sequence[str]) -> str:
    """What fleetctl says against its arguments; nothing if it takes them."""
    with redirect_stderr(StringIO()) as said:
        try:
            parse(words)
        except SystemExit:
            return said.getvalue().partition("\n")[0] or "it only shows help"
    return ""


def test_fleetctl_takes_the_command_lines_of_the_documents() -> None:
    """Skipped are lines that are no script by themselves, and checked words of the shell's."""
    wrong: dict[str, str] = {}
    parsed = skipped = 0
    for line in fleetctl_lines():
        with suppress(ValueError):
            for words in calls(line, "fleetctl"):
                why = refusal(words)
                skipped += FILLED_IN in why
                parsed += FILLED_IN not in why
                wrong |= {line: why} if why and FILLED_IN not in why else {}
    assert wrong == {}
    assert (parsed > 150, skipped < 5) == (True, True)


def test_lists_have_the_columns_that_documents_show() -> None:
    lists = [shown for text in texts_with_commands() for shown in printed_headers(text).items()]
    assert len(lists) > 15
    columns = {
        line: parse(words)[1].fields.upper().split(",")
        for line, _ in lists
        for words in calls(line, "fleetctl")
    }
    assert [(line, titles) for line, titles in lists if columns[line] != titles] == []


def test_calls_within_a_shells_script_are_found() -> None:
    script = """until [ "$(fleetctl runs a 2>/dev/null | wc -l)" = 3 ]; do fleetctl ssh m 'date;
    fleetctl stop b' >out & wait; done # fleetctl start"""
    assert [words[:2] for words in calls(script, "fleetctl")] == [
        ["runs", "a"],
        ["ssh", "m"],
        ["stop", "b"],
    ]


def looks_like_a_name(word: str) -> bool:
    """A class, a function's or a constant's name, alone or after others and dots."""
    return bool(NAME.fullmatch(word)) and bool(re.search(r"[A-Z_.(]", word))


@cache
def names() -> frozenset[str]:
    """Words of our code that are not in backticks."""
    unquoted = (QUOTED.sub("", path.read_text()) for path in CODE)
    return frozenset(word for text in unquoted for word in re.findall(r"\w+", text)) | ELSEWHERE


def unheard_of(text: str) -> list[str]:
    """The names that a text quotes and that no code has."""
    quoted = {word for word in QUOTED.findall(text) if looks_like_a_name(word)}
    return sorted(word for word in quoted if not {*re.findall(r"\w+", word)} <= names())


def test_docstrings_and_comments_quote_names_that_the_code_has() -> None:
    stale = {path.relative_to(CHECKOUT).as_posix(): unheard_of(path.read_text()) for path in CODE}
    assert {path: words for path, words in stale.items() if words} == {}


@cache
def errors() -> frozenset[str]:
    """Exceptions that our code has: its own, imported ones, Python's."""
    found = set(dir(builtins))
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.ClassDef(name=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                    found.add(name)
                case _:
                    pass
    return frozenset(found)


def test_docstrings_say_by_its_name_what_is_raised() -> None:
    named = {path: {*ERROR.findall(path.read_text())} - errors() for path in CODE}
    assert {str(path): words for path, words in named.items() if words} == {}


def test_a_name_that_is_gone_is_told() -> None:
    gone = "No" + "SuchThing"
    assert unheard_of(f"`{gone}` and `pathlib.{gone}()`, not `Path` or `re.compile`") == [
        gone,
        f"pathlib.{gone}()",
    ]


@pytest.mark.parametrize(
    "word", ["tests/unit/test_docs.py", "test_docs.py", "toolchain/plugins", "docs/*.md", "units/"]
)
def test_a_path_that_is_there_is_found(word: str) -> None:
    assert looks_like_one_of_ours(word) and is_there(word)


@pytest.mark.parametrize(
    "word", ["tests/unit/test_no_docs.py", "no_docs.py", "toolchain/no-plugins", "tests/no/"]
)
def test_a_path_that_is_not_there_is_told(word: str) -> None:
    assert missing(f"See `{word}`.") == [word]


@pytest.mark.parametrize("word", ["web@.service", "schedule/", ".pulumi/ssh", "docker.service"])
def test_other_words_are_none_of_ours(word: str) -> None:
    assert missing(f"See `{word}`.") == []
