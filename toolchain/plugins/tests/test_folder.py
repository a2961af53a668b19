"""The folder stands alone: nothing else knows how the stand-ins are made."""

import ast
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
FOLDER = "toolchain/plugins/"


def test_nothing_outside_of_it_imports_the_stand_ins() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    outside = [name for name in listed.stdout.split() if not name.startswith(FOLDER)]
    assert "__main__.py" in outside
    importing = [name for name in outside if "standin" in imported(CHECKOUT / name)]
    assert importing == []


def imported(file: Path) -> set[str]:
    """The packages that a module imports."""
    if not file.exists():
        return set()
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def test_imports_are_seen(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def late():\n    from standin.docker import container\n    import os.path\n")
    assert imported(module) == {"standin", "os"}
