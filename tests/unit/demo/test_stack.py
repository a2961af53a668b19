"""The demo's stack: nothing of the checkout's, and none of somebody else's."""

import json
from pathlib import Path

import pytest

from demo import stack as stacks
from demo.stack import PROGRAM, Stack, TroubleError, container_at, prepare

ADDRESS = "172.30.1.12"


@pytest.fixture
def stacks_there(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks that Pulumi knows."""
    there: list[str] = []

    def ask(stack: Stack, *command: str) -> str:
        return json.dumps([{"name": name} for name in there])

    monkeypatch.setattr(Stack, "ask", ask)
    return there


def test_a_container_is_known_by_its_address() -> None:
    rows = ["/machine-2-of-another 172.30.9.12", f"/machine-2-abc 10.0.0.1 {ADDRESS}"]
    assert container_at(ADDRESS, rows) == "machine-2-abc"
    with pytest.raises(TroubleError, match="no container at 172.30.1.1"):
        container_at("172.30.1.1", rows)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a program whose parts are empty files."""
    for part in PROGRAM:
        (tmp_path / part).touch()
    monkeypatch.setattr(stacks, "CHECKOUT", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("stacks_there")
def test_the_program_is_a_copy_and_its_settings_stay_when_it_is_made_again(checkout: Path) -> None:
    program = prepare("demo").program
    assert program == checkout / ".pulumi/programs/demo"
    (program / "Pulumi.demo.yaml").write_text("settings")
    (program / "images").write_text("changed")
    assert prepare("demo").program == program
    assert (program / "images").read_text() == ""
    assert (program / "Pulumi.demo.yaml").read_text() == "settings"


def test_a_stack_that_is_no_demos_is_left_alone(checkout: Path, stacks_there: list[str]) -> None:
    stacks_there.append("organization/fleet-cluster/demo")
    with pytest.raises(TroubleError, match="none of a demo"):
        prepare("somebody/fleet-cluster/demo")
    assert not (checkout / ".pulumi").exists()
