"""The bytes of a unit file as text: one encoding and one end of line, wherever they come from."""

import hashlib

from .names import UnitFileError


def text_of(file: str, data: bytes) -> str:
    """The text of a unit file, with Unix line ends.

    What is not UTF-8 is taken for Latin-1 in a comment, which systemd does not read either.

    Raises:
        UnitFileError: names the first other line that is not UTF-8.
    """
    lines = enumerate(data.split(b"\n"), start=1)
    return unix_lines("\n".join(_decoded(file, number, line) for number, line in lines))


def unix_lines(text: str) -> str:
    """The text with the line ends that fleet stores; systemd takes both."""
    return text.replace("\r\n", "\n")


def _decoded(file: str, number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        if line.lstrip().startswith((b"#", b";")):
            return line.decode("latin-1")
        raise UnitFileError(
            f"{file}:{number}: the line is not UTF-8 text, because of byte"
            f" {line[error.start]:#04x}: save the file as UTF-8"
        ) from error


def sha_of(text: str) -> str:
    """The SHA-256 of a unit file's text, 64 hexadecimal digits: its name under `files/`."""
    return hashlib.sha256(text.encode()).hexdigest()
