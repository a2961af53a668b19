"""docs/walkthrough.md is a session that works: every command of it, and what it prints."""

import doctest
import re
import shlex

import pytest

from tests.cluster.stack import CHECKOUT, Stack

WALKTHROUGH = CHECKOUT / "docs" / "walkthrough.md"
MARK = "__next command__"


def session() -> list[tuple[str, str]]:
    """The document's commands, each with what it is to print."""
    blocks = re.findall(r"^```console\n(.*?)^```", WALKTHROUGH.read_text(), re.M | re.S)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.M) if part]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


@pytest.mark.timeout(2400)
def test_the_walkthrough_prints_what_the_document_says(cluster: Stack):
    steps = session()
    assert len(steps) > 12
    # One shell for all, since a command may set a variable for a later one.
    script = "".join(f"{command}\necho {shlex.quote(MARK)}\n" for command, _ in steps)
    try:
        done = cluster.run("bash", "-c", script, seconds=2300)
        *printed, rest = done.out.split(f"{MARK}\n")
        assert (len(printed), rest) == (len(steps), ""), done.text
        wrong = [
            f"$ {command}\nprinted:\n{got}\nthe document says:\n{wanted}"
            for (command, wanted), got in zip(steps, printed, strict=True)
            if not same(wanted, got)
        ]
        assert not wrong, "\n".join([*wrong, "On standard error:", done.err])
    finally:
        end_what_asks(cluster)
        cluster.configure({"sinatra-instances": "2"})
        cluster.up()


def end_what_asks(cluster: Stack) -> None:
    """End what the document has left in the background, where it did not come to its end."""
    done = cluster.program / "next" / "done"
    done.parent.mkdir(exist_ok=True)
    done.touch()


def same(wanted: str, got: str) -> bool:
    """Whether they are alike, `...` standing for anything, blanks for blanks."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted, got, flags)
