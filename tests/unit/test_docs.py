"""Files that prose names in backticks are there: in documentation, docstrings and comments."""

import re
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from tests.checkout import CHECKOUT

DOCUMENTS = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("components/*.md")]
CODE = [
    path
    for folder in ("bench", "components", "tests", "toolchain", "examples", "units", "images")
    for path in CHECKOUT.glob(f"{folder}/**/*.py")
]
QUOTED = re.compile(r"`([^`\s]+)`")
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)]*)?\)")
PATH = re.compile(r"[\w@*-][\w.@*-]*(/[\w.@*-]+)*/?")
SOURCES = (".py", ".md", ".sh", ".toml", ".yaml")
MADE_UP = {"some_command.py"}


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


def test_docstrings_and_comments_name_files_that_are_there() -> None:
    stale = {path.relative_to(CHECKOUT).as_posix(): missing(path.read_text()) for path in CODE}
    assert {path: words for path, words in stale.items() if words} == {}


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
