"""The examples, as someone who has only the package runs them: up, used, and gone."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT, LIBRARY

from .stack import Stack, eventually, free_port

PULUMI_DESTROY = ("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of an empty virtual environment that the package was installed into."""
    folder = tmp_path_factory.mktemp("installed")
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    shutil.copytree(LIBRARY, folder / "package", ignore=ignored)
    venv, plugins = folder / "venv", folder / "constraints.txt"
    pins = (CHECKOUT / "toolchain/requirements.txt").read_text().splitlines()
    plugins.write_text("\n".join(pin for pin in pins if pin.startswith("pulumi")))
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", folder / "package"]
    # The engine has plugins of these versions only.
    subprocess.run([*pip, "--constraint", plugins], check=True)
    return {"PYTHONPATH": "", "PATH": f"{venv}/bin:{os.environ['PATH']}"}


@contextmanager
def example(
    name: str, folder: Path, env: Mapping[str, str], config: Mapping[str, str]
) -> Generator[Stack]:
    """A stack of an example's program, in a folder of its own; gone at the end."""
    program = folder / name.replace("/", "-")
    shutil.copytree(CHECKOUT / "examples" / name, program)
    stack = Stack(f"test-{secrets.token_hex(4)}", program, folder / "state", env)
    stack.create(config)
    try:
        yield stack
    finally:
        stack.destroy()
        assert stack.docker_objects() == []


def test_a_strangers_program_makes_a_cluster_of_the_installed_package(
    installed: Mapping[str, str], tmp_path: Path
):
    with example("01-one-unit", tmp_path, installed, {"port": str(free_port())}) as stack:
        where = stack.run("python", "-c", "import fleet_cluster; print(fleet_cluster.__file__)")
        assert "site-packages" in where.out
        stack.up()
        assert set(stack.outputs()["placements"]) == {"web.service"}
        eventually("the unit answers", lambda: "200 OK" in stack.get().out)
        assert stack.changes() == {}


def test_a_stack_uses_the_cluster_of_another_stack(tmp_path: Path):
    port = {"port": str(free_port())}
    with example("03-two-stacks/platform", tmp_path, {}, port) as platform:
        platform.up()
        joined = {"platform": f"organization/platform/{platform.name}"}
        with example("03-two-stacks/app", tmp_path, {}, joined) as app:
            app.up()
            assert app.outputs()["placements"] == {"tick.service": "machine-1"}
            journal = ("fleetctl", "journal", "tick.service")
            eventually("it found its key", lambda: "tock" in app.run(*journal).out)
            assert set(app.changes().values()) == {"read"}, "the other stack is looked at"
            assert "PRIVATE KEY" not in app.run("pulumi", "stack", "export").out
        platform.run("docker", "kill", platform.container("machine-1"))
        platform.run(*PULUMI_DESTROY)
        assert platform.docker_objects() == [], "the end does not wait for a dead machine"


@pytest.mark.faults
def test_a_program_in_yaml_makes_the_same_cluster(tmp_path: Path):
    with example("04-yaml", tmp_path, {}, {"port": str(free_port())}) as stack:
        description = stack.program / "Pulumi.yaml"
        description.write_text(description.read_text().replace("../../components", str(LIBRARY)))
        stack.up()
        assert stack.outputs()["placements"] == {"web.service": "machine-1"}
        eventually("the unit answers", lambda: "200 OK" in stack.get().out)
        assert stack.changes() == {}
        assert "PRIVATE KEY" not in stack.run("pulumi", "stack", "export").out
