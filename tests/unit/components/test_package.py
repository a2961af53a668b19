"""The package: what a stranger's program needs, what is in it, and what other languages see."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import fleet_cluster as fc
from fleet_cluster.component_host import FleetClusterProvider
from tests.checkout import CHECKOUT, LIBRARY

SCHEMA = Path(__file__).with_name("schema.json")
DISTRIBUTIONS = {"yaml": "pyyaml", "opentelemetry": "opentelemetry-api"}
"""Where a distribution is not called as its module."""
LIMIT = 15
"""Lines of a stranger's program; it makes a cluster and runs a unit on it."""


def test_the_first_example_is_a_whole_program_of_a_few_lines():
    text = (CHECKOUT / "examples/01-one-unit/__main__.py").read_text()
    assert len(text.splitlines()) <= LIMIT
    imported = {
        name.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported == {"fleet_cluster", "pulumi"}


def test_there_is_one_version():
    project = tomllib.loads((LIBRARY / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert (
        project["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "fleet_cluster.fleet.VERSION"
    )
    assert f"## {fc.__version__}\n" in (LIBRARY / "CHANGELOG.md").read_text()


def test_everything_that_is_imported_is_declared():
    """The software on machines has its libraries from Debian."""
    project = tomllib.loads((LIBRARY / "pyproject.toml").read_text())["project"]
    declared = {re.split("[>=<]", one)[0].lower() for one in project["dependencies"]}
    package = LIBRARY / "fleet_cluster"
    imported = {
        name.partition(".")[0]
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] != "fleet"
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if not path.with_name(f"{name}.py").exists()
    }
    others = imported - sys.stdlib_module_names
    assert {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in others} == declared


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_other_languages_see_what_was_agreed_with_every_description():
    """A change of the schema is a change for programs in other languages: say it in CHANGELOG.md.

    The copy is written anew by: python -m tests.unit.components.test_package
    """
    assert schema() == json.loads(SCHEMA.read_text())
    for name, shape in schema()["resources"].items():
        assert shape["description"], name
        for kind in ("inputProperties", "properties"):
            for one, described in shape[kind].items():
                assert described.get("description"), f"{name} {one}"
    for name, shape in schema()["types"].items():
        for one, described in shape["properties"].items():
            assert described.get("description"), f"{name} {one}"


def test_the_python_names_are_the_agreed_ones():
    components = {name.rpartition(":")[2] for name in schema()["resources"]}
    assert components <= set(fc.__all__)
    assert all(hasattr(fc, name) for name in fc.__all__)


def test_nothing_in_the_library_is_left_out_of_the_package():
    """Images, units and files of machines are in it too, so that machines are the same."""
    package = LIBRARY / "fleet_cluster"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=package, capture_output=True, check=True)
    paths = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    assert Path("py.typed") in paths
    hidden = [path for path in paths if any(part.startswith(".") for part in path.parts)]
    assert hidden == [], "setuptools takes no hidden files along"
    folders = {package / path.parent for path in paths if path.suffix == ".py"}
    assert all((folder / "__init__.py").exists() for folder in folders), "it is no package"


def schema() -> dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]:
    return json.loads(FleetClusterProvider().schema or "{}")


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
