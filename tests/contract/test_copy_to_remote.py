"""`command.remote.CopyToRemote`, rule by rule as the real plugin was observed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_command import remote

from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.sshd import Server


def copy(server: Server, source: Any, path: Path | str, trigger: str = "") -> Program:
    def program() -> None:
        remote.CopyToRemote(
            "it",
            connection=remote.ConnectionArgs(
                host="127.0.0.1",
                port=server.port,
                user=server.user,
                private_key=server.user_key("ed25519"),
                host_key=server.host_key("ed25519"),
            ),
            source=source,
            remote_path=str(path),
            triggers=[trigger],
        )

    return program


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with an executable file and a file in a folder."""
    folder = tmp_path / "source"
    (folder / "inner").mkdir(parents=True)
    (folder / "tool").write_text("one")
    (folder / "tool").chmod(0o755)
    (folder / "inner" / "data").write_bytes(bytes(range(256)))
    return folder


def test_a_file_goes_to_the_path_and_loses_its_mode(
    project: Project, server: Server, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "parents" / "tool"
    project.up(copy(server, pulumi.FileAsset(str(source / "tool")), target))
    assert target.read_text() == "one"
    assert target.stat().st_mode & 0o111 == 0


def test_a_file_keeps_its_name_in_a_folder(
    project: Project, server: Server, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    project.up(copy(server, pulumi.FileAsset(str(source / "tool")), folder))
    assert (folder / "tool").read_text() == "one"


def test_a_folder_goes_into_the_folder(
    project: Project, server: Server, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    project.up(copy(server, pulumi.FileArchive(str(source)), folder))
    assert (folder / "source" / "inner" / "data").read_bytes() == bytes(range(256))


def test_a_folder_with_a_slash_gives_its_contents(
    project: Project, server: Server, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    project.up(copy(server, pulumi.FileArchive(f"{source}/"), folder))
    assert (folder / "tool").read_text() == "one"


def test_a_text_goes_to_a_file(project: Project, server: Server, tmp_path: Path) -> None:
    target = tmp_path / "text"
    project.up(copy(server, pulumi.StringAsset("a\nb"), target))
    assert target.read_text() == "a\nb"


def test_it_copies_again_when_the_content_changed_and_removes_nothing(
    project: Project, server: Server, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    asset = pulumi.FileAsset(str(source / "tool"))
    project.up(copy(server, asset, target))
    assert project.up(copy(server, asset, target)).steps == {"it": "same"}
    target.unlink()
    assert project.up(copy(server, asset, target), refresh=True).steps["it"].endswith("same")
    (source / "tool").write_text("two")
    done = project.up(copy(server, asset, target))
    assert done.steps == {"it": "update"}
    assert done.diffs == {"it": {"source"}}
    assert target.read_text() == "two"
    project.destroy()
    assert target.read_text() == "two"


def test_a_changed_trigger_replaces(
    project: Project, server: Server, source: Path, tmp_path: Path
) -> None:
    asset = pulumi.FileAsset(str(source / "tool"))
    project.up(copy(server, asset, tmp_path / "target", trigger="1"))
    done = project.up(copy(server, asset, tmp_path / "target", trigger="2"))
    assert "replace" in done.steps["it"]


def test_a_missing_file_is_refused(project: Project, server: Server, tmp_path: Path) -> None:
    with pytest.raises(EngineFailed) as failure:
        project.up(copy(server, pulumi.FileAsset("/no/such/file"), tmp_path / "target"))
    assert "/no/such/file" in failure.value.text
