"""Lint of unit files: fleet's own rules, and what systemd says of each file.

systemd's rules are its own: where `systemd-analyze` is there, it is asked. Elsewhere a table of
what a pinned systemd knows has to do (`unitfiles/directives.py`).
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..unitfiles.names import UnitFileError, is_template
from ..unitfiles.quadlets.names import is_quadlet
from ..unitfiles.syntax import read
from ..unitfiles.text import text_of
from ..unitfiles.validation import Remark, check
from .credentials import check_credentials
from .fencing import fence_remarks

ANALYZE = "systemd-analyze"
ANALYZE_SECONDS = 60
"""systemd takes 20 ms for a file."""

_ABOUT_LINE = re.compile(r"(?P<path>/.*):(?P<line>\d+): (?P<text>.*)")
_ABOUT_UNIT = re.compile(r"(?P<unit>[^\s:/]+): (?P<text>.*)")
_REFUSED = re.compile(
    r"Unit (?P<unit>\S+) (?:has a bad unit file setting|failed to load properly)\b"
)
_GIVES_UP = "Unit configuration has fatal error"
_ALWAYS_BAD = ("Failed to parse calendar specification",)
"""What systemd skips with a warning although the unit makes no sense without it."""
_OF_THE_MACHINE = re.compile(
    r"Failed to create .*/start: |Cannot add dependency job|.* is not executable: |.* not loaded\b"
)
"""Complaints about other units and programs: those are on the machines, not here."""
_NOT_ASKED = re.compile(r"^Failed to (?:initialize|start up|set up) .*$", re.MULTILINE)
_UNKNOWN = re.compile(r"Unknown (?:key|key name|lvalue|section) ")


@dataclass
class Findings:
    """Findings of a lint, by unit."""

    faults: dict[str, str] = field(default_factory=dict[str, str])
    """Why a file is refused."""
    remarks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What is passed over in a file that is not refused, in the order of its lines."""
    notice: str = ""
    """Why systemd could not be asked although it is there."""

    def refuse(self) -> None:
        """Raise the faults, if there are any.

        Raises:
            UnitFileError: all of them, each in its line.
        """
        if self.faults:
            raise UnitFileError("\n".join(self.faults.values()))


class AnalyzeError(Exception):
    """`systemd-analyze` has not looked at the files."""


@dataclass
class Verification:
    """The verification of one file by `systemd-analyze verify`."""

    messages: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Line and text; line 0 is about the unit as a whole."""
    is_refused: bool = False


def read_unit_file(path: Path) -> str:
    """The text of a unit file.

    Raises:
        UnitFileError: it is no text, or has drop-ins.
        OSError: it cannot be read.
    """
    drop_ins = sorted(path.with_name(f"{path.name}.d").glob("*.conf"))
    if drop_ins:
        raise UnitFileError(
            f"{path} has the drop-in {drop_ins[0].name}, and fleet gives machines one file for a"
            f" unit: move the lines of {drop_ins[0]} into {path.name}, and remove it"
        )
    return text_of(path.name, path.read_bytes())


def lint(files: Mapping[str, str], ask_systemd: bool = True) -> Findings:
    """The findings in files that are about to be submitted.

    Args:
        files: unit or template to its text.
        ask_systemd: not for files whose placeholders are still open.
    """
    found = Findings()
    remarks: dict[str, list[Remark]] = {}
    for name, text in files.items():
        try:
            check_credentials(name, text)
            remarks[name] = sorted([*check(name, text), *fence_remarks(name, text)], key=_line)
        except UnitFileError as error:
            found.faults[name] = str(error)
    fine = {name: text for name, text in files.items() if name in remarks}
    # Of a quadlet systemd knows what Podman makes of it, on a machine.
    systemds = {name: text for name, text in fine.items() if not is_quadlet(name)}
    verifications: Mapping[str, Verification] = {}
    try:
        verifications = _verify(systemds) if ask_systemd and systemds else {}
    except AnalyzeError as error:
        found.notice = f"{error}; the files were checked without it"
    for name, text in fine.items():
        verification = verifications.get(name)
        fault = verification and _fault(name, text, verification)
        if fault:
            found.faults[name] = fault
        elif told := _remarks(text, name, remarks[name], verification):
            found.remarks[name] = [f"{name}:{remark.line}: {remark.text}" for remark in told]
    return found


def _verify(files: Mapping[str, str]) -> dict[str, Verification]:
    """Verifications by unit; none where there is no systemd to ask."""
    program = shutil.which(ANALYZE)
    if program is None:
        return {}
    try:
        with tempfile.TemporaryDirectory(prefix="fleet-lint-") as folder:
            for name, text in files.items():
                Path(folder, name).write_text(text)
            said = _run([program, "verify", "--man=no", *(f"{folder}/{n}" for n in files)], folder)
            return read_verifications(files, folder, said)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AnalyzeError(f"{ANALYZE} could not be asked: {error}") from error


def _run(call: list[str], folder: str) -> str:
    """Standard error of the call, which looks at no other units, nor at drop-ins."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "SYSTEMD_UNIT_PATH": folder,
        "SYSTEMD_LOG_TARGET": "console",
        "SYSTEMD_COLORS": "0",
    }
    ended = subprocess.run(
        call,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=ANALYZE_SECONDS,
        check=False,
    )
    said = ended.stderr.decode(errors="replace")
    if failure := _NOT_ASKED.search(said):
        raise AnalyzeError(f"{ANALYZE} could not be asked: {failure[0]}")
    return said


def read_verifications(names: Iterable[str], folder: str, said: str) -> dict[str, Verification]:
    """Verifications in what `systemd-analyze verify` has said of the units in a folder."""
    found = {name: Verification() for name in names}
    units = {_loaded_as(name): name for name in found}
    for line in said.splitlines():
        about_line = _ABOUT_LINE.fullmatch(line)
        if about_line and about_line["path"].startswith(f"{folder}/"):
            name = about_line["path"].removeprefix(f"{folder}/")
            if name in found:
                found[name].messages.append((int(about_line["line"]), about_line["text"]))
            continue
        refused = _REFUSED.match(line)
        if refused and refused["unit"] in units:
            found[units[refused["unit"]]].is_refused = True
        about_unit = _ABOUT_UNIT.fullmatch(line)
        if about_unit and about_unit["unit"] in units:
            _add_message(found[units[about_unit["unit"]]], about_unit["text"])
    return found


def _loaded_as(name: str) -> str:
    """A template is looked at by way of this instance."""
    return name.replace("@.", "@i.") if is_template(name) else name


def _add_message(verification: Verification, text: str) -> None:
    if text.startswith(_GIVES_UP) or _OF_THE_MACHINE.match(text):
        return
    verification.messages.append((0, text))


def _fault(name: str, text: str, verification: Verification) -> str:
    """The message for which systemd does not load the file; empty when it does."""
    for line, said in verification.messages:
        if said.startswith(_ALWAYS_BAD):
            return f"{name}:{_first_line(name, text, line)}: {said.replace(', ignoring', '')}"
    if not verification.is_refused:
        return ""
    line, said = (
        verification.messages[-1] if verification.messages else (0, "systemd does not load it")
    )
    return f"{name}:{_first_line(name, text, line)}: systemd refuses the file: {said}"


def _remarks(
    text: str, name: str, own: list[Remark], verification: Verification | None
) -> list[Remark]:
    """Remarks, ours and systemd's, which knows best what it does not know."""
    if verification is None:
        return own
    theirs = [(_first_line(name, text, line), said) for line, said in verification.messages]
    unknown = {line for line, said in theirs if _UNKNOWN.match(said)}
    told = [remark for remark in own if not remark.is_unknown or remark.line in unknown]
    ours = {remark.line for remark in told if remark.is_unknown}
    told += [
        Remark(line, f"systemd says: {said}")
        for line, said in theirs
        if not (_UNKNOWN.match(said) and line in ours)
    ]
    return sorted(told, key=_line)


def _line(remark: Remark) -> int:
    return remark.line


def _first_line(name: str, text: str, line: int) -> int:
    """Of a continued line, systemd names the last one; of a unit as a whole, none."""
    syntax = read(name, text)
    if not line:
        own = name.rpartition(".")[2].capitalize()
        return next((part.line for part in syntax.sections if part.name == own), 1)
    begun = [part.line for part in (*syntax.sections, *syntax.directives) if part.line <= line]
    return max(begun, default=1)
