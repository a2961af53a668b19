"""A checkout of its own for each test, on a computer where only stub programs are installed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT

ROOT = CHECKOUT

# What the scripts may take for granted on any computer.
PLAIN_PROGRAMS = """
    awk base64 basename bash cat chmod cksum cmp cp curl cut date dirname echo env expand find flock
    git grep gzip head id install ln ls make mkdir mktemp mv readlink rm sed setsid sh sleep
    sha256sum sort ssh tail tar timeout touch tr true uname wc
"""


class Computer:
    """A home, a PATH of stubs, and a checkout whose path has a space in it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.bin = folder / "bin"
        self.cache = folder / "cache"
        self.checkout = folder / "my checkout"
        self.calls_log = folder / "calls"
        self.home.mkdir()
        self.bin.mkdir()
        self.calls_log.touch()
        for program in PLAIN_PROGRAMS.split():
            if path := shutil.which(program, path="/usr/local/bin:/usr/bin:/bin"):
                (self.bin / program).symlink_to(path)

    def copy_checkout(self, name: str = "my checkout") -> Path:
        """Makes a checkout with the real scripts and one small stand-in."""
        checkout = self.checkout.with_name(name)
        ignore = shutil.ignore_patterns("plugins", "__pycache__")
        shutil.copytree(ROOT / "toolchain", checkout / "toolchain", ignore=ignore)
        shutil.copy(ROOT / "Makefile", checkout)
        (checkout / "toolchain/plugins").mkdir()
        (checkout / "toolchain/plugins/pulumi-resource-command").write_text("first")
        return checkout

    def stub(self, name: str, script: str, folder: Path | None = None) -> Path:
        """Installs a program that notes its call in `calls` and then does as the script says."""
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self.calls_log}"\n{script}\n')
        path.chmod(0o755)
        return path

    def pin(self, name: str, value: str) -> None:
        """Has the checkout's pins say something else."""
        pins = self.checkout / "toolchain/pins.env"
        text, found = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", pins.read_text())
        assert found == 1
        pins.write_text(text)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in the checkout, with nothing of this test's own environment."""
        base = {
            "HOME": str(self.home),
            "PATH": str(self.bin),
            "FLEET_CLUSTER_CACHE": str(self.cache),
        }
        return subprocess.run(
            command,
            cwd=self.checkout,
            env=base | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def tool(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a line of bash among the functions of the set-up."""
        return self.run("bash", "-c", f"source toolchain/lib.sh; {script}", **environment)

    @property
    def calls(self) -> list[str]:
        """The stubs' calls so far, each as a command line."""
        return self.calls_log.read_text().splitlines()

    def provide_everything_but_plugins(self) -> None:
        """A Python that makes empty environments and a user's own new Pulumi."""
        self.stub("python3", PYTHON)
        self.stub("pulumi", PULUMI)
        self.stub("pulumi-language-python", "")
        self.stub("curl", "exit 6")


PYTHON = f"""
[[ $* == *json.load* ]] && exec {sys.executable} "$@"
[[ $1 == --version ]] && echo "Python 3.11.2"
[[ $* == *platform.python_version* ]] && echo 3.11.2
if [[ "$1 $2" == "-m venv" ]]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
true
"""

PULUMI = """
[[ $1 == version ]] && echo v3.999.0
if [[ "$1 $2" == "plugin install" ]]; then
  folder=${PULUMI_HOME:-$HOME/.pulumi}/plugins/resource-$4-v$5
  [[ $6 == --file ]] && mkdir -p "$folder"
else
  [[ $1 == version ]]
fi
"""


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    """A computer with a checkout on which nothing is set up."""
    made = Computer(tmp_path)
    made.copy_checkout()
    return made
