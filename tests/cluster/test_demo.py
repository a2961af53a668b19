"""The first ten minutes: `make demo` in a fresh checkout, as its user types it, and `make down`."""

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT
from tests.cluster.conftest import stack_left_nothing
from tests.cluster.stack import Stack

TOTAL = re.compile(r"together +(\d[\d,]*) +(\d[\d,]*)")
STEPS = {"scale the app", "kill a machine", "roll an image", "heal"}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack in a checkout of its own: this one's files, all of them in git's index."""
    checkout = tmp_path / "checkout"
    for name in git(CHECKOUT, "ls-files", "--cached", "--others", "--exclude-standard"):
        if (CHECKOUT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, checkout / name)
    git(checkout, "init", "--quiet")
    git(checkout, "add", "--all")
    name, home = f"test-{secrets.token_hex(4)}", checkout / ".pulumi"
    home.mkdir()
    (home / "passphrase").write_text("only for this test\n")
    made = Stack(name, checkout, home, {"STACK": name, "DEMO_FAST": "1"})
    try:
        yield made
    finally:
        made.run("make", "down")


def git(folder: Path, *command: str) -> list[str]:
    """The lines that git prints."""
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.timeout(2400)
def test_no_request_fails_in_the_demo_and_nothing_is_left_of_it(stack: Stack):
    shown = stack.run("make", "demo", check=False, seconds=1100)
    print(shown.text)
    assert shown.code == 0
    assert {step for step in STEPS if re.search(rf"^{step} +\d+ s", shown.out, re.M)} == STEPS
    total = TOTAL.search(shown.out)
    assert total, "it sums up"
    sent, failed = (int(number.replace(",", "")) for number in total.groups())
    assert sent > 1000 and failed == 0
    assert "This is release 2." in shown.out.partition("A release:")[2]
    assert "fleetctl dashboard: " in shown.out
    assert git(stack.program, "diff", "--name-only") == []
    assert git(stack.program, "ls-files", "--others", "--exclude-standard") == []
    stack.run("make", "down")
    assert stack_left_nothing(stack)
    assert not list((stack.home / "programs").iterdir())
