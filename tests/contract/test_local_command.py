"""`command.local.Command` and `command.local.run`, as the real plugin was observed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_command import local

from tests.contract.harness import EngineFailed, Program, Project


def command(**arguments: Any) -> Program:
    def program() -> None:
        made = local.Command("it", **arguments)
        pulumi.export("stdout", made.stdout)
        pulumi.export("stderr", made.stderr)

    return program


def test_it_runs_with_sh_and_strips_one_newline(project: Project) -> None:
    done = project.up(command(create=r"printf '%s\n\n' $0; printf 'e\n' >&2"))
    assert done.outputs["stdout"] == "/bin/sh\n"
    assert done.outputs["stderr"] == "e"


def test_folder_interpreter_environment_and_stdin(project: Project, tmp_path: Path) -> None:
    done = project.up(
        command(
            create="import os, sys; print(os.getcwd(), os.environ['A'], sys.stdin.read())",
            interpreter=["python3", "-c"],
            dir=str(tmp_path),
            environment={"A": "b c"},
            stdin="text",
        )
    )
    assert done.outputs["stdout"] == f"{tmp_path} b c text"


def test_update_and_delete_see_what_was_printed_before(project: Project, tmp_path: Path) -> None:
    log = tmp_path / "log"
    scripts = {
        "create": "echo one",
        "update": f"echo update $PULUMI_COMMAND_STDOUT >> {log}; echo two",
        "delete": f"echo delete $PULUMI_COMMAND_STDOUT >> {log}",
    }
    project.up(command(stdin="1", **scripts))
    assert project.up(command(stdin="2", **scripts)).steps == {"it": "update"}
    assert project.up(command(stdin="2", **scripts)).steps == {"it": "same"}
    project.destroy()
    assert log.read_text() == "update one\ndelete two\n"


def test_a_changed_trigger_replaces_new_before_old(project: Project, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def program(trigger: int) -> Program:
        create, delete = f"echo create {trigger} >> {log}", f"echo delete {trigger} >> {log}"
        return command(create=create, delete=delete, triggers=[trigger])

    project.up(program(1))
    project.up(program(2))
    assert log.read_text() == "create 1\ncreate 2\ndelete 1\n"


def test_a_failure_shows_command_and_output(project: Project) -> None:
    with pytest.raises(EngineFailed) as failure:
        project.up(command(create="echo out; exit 3"))
    assert 'exit status 3: running "echo out; exit 3":' in failure.value.text
    assert project.resource("it") is None


def test_run_runs_in_previews_too(project: Project, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def program() -> None:
        result = local.run(command=f"echo ran | tee -a {log}")
        assert result.stdout == "ran"

    project.preview(program)
    assert log.read_text() == "ran\n"
