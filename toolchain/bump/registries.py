"""What registries have: asked through pip and Go as they are set up here, or by HTTPS."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

SECONDS = 20.0
"""How long a site may be silent."""
MINUTES = 10 * 60.0
"""How long pip or Go may take."""
RELEASE = re.compile(r"v\d+\.\d+\.\d+")


class NotReachedError(Exception):
    """A registry does not answer, or says no: what was tried, and what was said."""


class Registries:
    """The registries of Python packages, Go modules, images and Debian's packages."""

    def python_packages(self, requirements: Sequence[str]) -> dict[str, str]:
        """The newest versions that can be installed together, by normalized name.

        Raises:
            NotReachedError: pip finds none.
        """
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
        dry = ["--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
        report: dict[str, Any] = json.loads(_run([*pip, *dry, *requirements]))
        found = [entry["metadata"] for entry in report["install"]]
        return {normalized(package["name"]): package["version"] for package in found}

    def python_lock(self, requirements: str, python: str) -> str:
        """All packages that some need, on any computer from a version of Python on, with SHA-256.

        Raises:
            NotReachedError: uv does not find them all.
        """
        uv = [sys.executable, "-m", "uv", "pip", "compile", "--quiet"]
        wanted = ["--universal", "--python-version", python, "--only-binary", ":all:"]
        with TemporaryDirectory() as folder:
            file = Path(folder, "requirements.txt")
            file.write_text(requirements, encoding="utf-8")
            said = ["--custom-compile-command", "make pins", "--no-annotate"]
            return _run([*uv, *wanted, *said, "--generate-hashes", str(file)])

    def go_versions(self, module: str) -> list[str]:
        """A module's releases, the oldest first, without the v.

        Raises:
            NotReachedError: the proxy lists none.
        """
        listed = _go(["list", "-m", "-versions", module], Path.cwd().anchor).split()[1:]
        releases = [version[1:] for version in listed if RELEASE.fullmatch(version)]
        if not releases:
            raise NotReachedError(f"go list -m -versions {module}: it lists no release")
        return sorted(releases, key=numbers)

    def go_module(
        self, module: str, version: str, programs: Sequence[str], modules: Sequence[str]
    ) -> tuple[str, str]:
        """A module's go.mod and go.sum when it has a version of programs, and of other modules.

        Raises:
            NotReachedError: Go gets them not, or not all that the programs import.
        """
        with TemporaryDirectory() as folder:
            Path(folder, "go.mod").write_text(module, encoding="utf-8")
            _go(["get", *(f"{one}@v{version}" for one in (*programs, *modules))], folder)
            _go(["list", "-deps", *programs], folder)
            sums = Path(folder, "go.sum").read_text(encoding="utf-8")
            return Path(folder, "go.mod").read_text(encoding="utf-8"), sums

    def get(self, url: str) -> str:
        """The text at an address.

        Raises:
            NotReachedError: there is none, or no way to it.
        """
        try:
            with urlopen(Request(url), timeout=SECONDS) as answer:  # noqa: S310
                return answer.read().decode()
        except (OSError, HTTPException, ValueError) as error:
            raise NotReachedError(f"{url}: {error}") from error


def normalized(name: str) -> str:
    """A Python package's name as the index has it: types-pyyaml for types-PyYAML."""
    return re.sub(r"[-_.]+", "-", name).lower()


def numbers(version: str) -> tuple[int, ...]:
    """A version's numbers, to be compared."""
    return tuple(int(number) for number in version.split("."))


def _go(arguments: Sequence[str], folder: str) -> str:
    """Go's answer. A toolchain that a module asks for is a module, too."""
    environment = os.environ | {"GOTOOLCHAIN": "auto", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    return _run(["go", *arguments], folder, environment)


def _run(
    command: Sequence[str], folder: str | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """What a command prints.

    Raises:
        NotReachedError: it fails, takes too long, or is not there.
    """
    words = " ".join(word for word in command if word != sys.executable)
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=MINUTES
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotReachedError(f"{words}: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NotReachedError(f"{words}: {said[-1].strip() if said else done.returncode}")
    return done.stdout
