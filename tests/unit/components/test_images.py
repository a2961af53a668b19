"""An image's tag names its content: nothing else changes it, and every change of content does."""

from pathlib import Path

import pytest

from fleet_cluster.errors import InputError
from fleet_cluster.images import check_programs, content_tag
from tests.checkout import CHECKOUT


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    (folder / "files").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "files" / "run").write_text("#!/bin/sh\n")
    return folder


def test_the_tag_does_not_depend_on_the_folder_or_the_time(context: Path, tmp_path: Path):
    before = content_tag(context)
    (context / "Dockerfile").touch()
    moved = context.rename(tmp_path / "elsewhere")
    assert content_tag(moved) == before


def test_a_change_of_text_name_or_mode_changes_the_tag(context: Path):
    tags = [content_tag(context)]
    (context / "files" / "run").write_text("#!/bin/sh -e\n")
    tags.append(content_tag(context))
    (context / "files" / "run").chmod(0o755)
    tags.append(content_tag(context))
    (context / "files" / "run").rename(context / "files" / "start")
    tags.append(content_tag(context))
    assert len(set(tags)) == 4


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="an image needs a folder"):
        content_tag(tmp_path)


def test_a_program_must_be_there_for_the_machines_processor(context: Path):
    check_programs(context, "arm64")
    (context / "confd-amd64").touch()
    check_programs(context, "amd64")
    with pytest.raises(InputError, match="there is no confd-arm64"):
        check_programs(context, "arm64")


@pytest.mark.parametrize("processor", ["amd64", "arm64"])
def test_no_image_but_that_of_the_pool_needs_programs_of_the_set_up(processor: str):
    for image in (CHECKOUT / "images").iterdir():
        if image.name != "nginx-pool":
            check_programs(image, processor)
