"""Unit files beside the operator: read here, also when the command runs elsewhere."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ...kv import MAX_VALUE_BYTES
from ...lint.unit_file import read_unit_file
from ...unitfiles.quadlets.names import units_of
from ...unitfiles.triggers import accepted_template, triggered_unit
from ...unitfiles.unitfile import template_of
from .errors import CtlError
from .names import is_glob, name_of


def read_files(given: Iterable[str]) -> dict[str, str]:
    """The unit files that arguments name, or else the templates beside them: unit to text.

    Raises:
        CtlError: a file that was given with its folder is not there, or cannot be read.
        UnitFileError: an argument cannot be a unit's name.
    """
    found = find_files(given)
    texts = {name: read_file(path) for name, path in found.items()}
    return {**_templates_of_sockets(texts, found), **_triggered(texts, found), **texts}


def find_files(given: Iterable[str]) -> dict[str, Path]:
    """Where these files are, by unit.

    Raises:
        CtlError: a file that was given with its folder is not there.
        UnitFileError: an argument cannot be a unit's name.
    """
    found: dict[str, Path] = {}
    for argument in given:
        if is_glob(argument):
            continue
        name = name_of(argument)
        path = _find(argument, name)
        if path and found.setdefault(path.name, path) != path:
            raise CtlError(f"two files for {path.name}: {found[path.name]} and {path}; give one")
    return found


def _templates_of_sockets(texts: Mapping[str, str], paths: Mapping[str, Path]) -> dict[str, str]:
    """The templates beside sockets that accept connections with them."""
    templates = {
        paths[name].with_name(template)
        for name, text in texts.items()
        if (template := accepted_template(name, text))
    }
    return {path.name: read_file(path) for path in templates if path.is_file()}


def _triggered(texts: Mapping[str, str], paths: Mapping[str, Path]) -> dict[str, str]:
    """What timers and paths start, where its file, or its template's, is beside theirs."""
    found: dict[str, str] = {}
    for file, text in texts.items():
        units = list(units_of(triggered_unit(file, text) or ""))
        for name in filter(None, [one for unit in units for one in (unit, template_of(unit))]):
            path = paths[file].with_name(name)
            if path.is_file():
                found[name] = read_file(path)
                break
    return found


def _find(argument: str, name: str) -> Path | None:
    folder = Path(argument).parent
    for candidate in (name, template_of(name)):
        if candidate and (folder / candidate).is_file():
            return folder / candidate
    if "/" in argument:
        raise CtlError(f"there is no file {folder / name}; a unit of the cluster: {name}")
    return None


def read_file(path: Path) -> str:
    """The text of a unit file.

    Raises:
        CtlError: it cannot be read, or is too large.
        UnitFileError: it is no text, or has drop-ins.
    """
    try:
        text = read_unit_file(path)
    except OSError as error:
        raise CtlError(f"cannot read {path}: {error}") from error
    check_size(str(path), text)
    return text


def check_size(where: str, text: str) -> None:
    """Refuse a unit file that etcd would not take, before anything is written.

    Raises:
        CtlError: it is too large.
    """
    size = len(text.encode())
    if size > MAX_VALUE_BYTES:
        raise CtlError(
            f"{where} has {size} bytes, and etcd takes no more than {MAX_VALUE_BYTES}; "
            "let the unit read what is so large from elsewhere"
        )
