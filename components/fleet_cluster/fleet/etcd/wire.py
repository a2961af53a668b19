"""Protobuf's wire format, as far as etcd's messages use it: fields that are numbers or bytes."""

from typing import NamedTuple

_NUMBER, _DATA = 0, 2
"""Kinds of fields."""


class WireError(ValueError):
    """What was to be a message is none."""


class Fields(NamedTuple):
    """The fields of a message, by their numbers."""

    numbers: dict[int, int]
    """The last of each."""
    data: dict[int, list[bytes]]
    """All of each: texts, bytes and messages."""

    def number(self, field: int) -> int:
        """A number, by default 0."""
        return self.numbers.get(field, 0)

    def only(self, field: int) -> bytes:
        """The only one, by default empty."""
        return self.data.get(field, (b"",))[-1]

    def all(self, field: int) -> list[bytes]:
        """All that are repeated."""
        return self.data.get(field, [])


def number(field: int, value: int, is_choice: bool = False) -> bytes:
    """A field with a number that is not negative. By default, 0 is left out.

    `is_choice`: whether it is one of several that the message may have, and told by being there.
    """
    return _varint(field << 3 | _NUMBER) + _varint(value) if value or is_choice else b""


def data(field: int, value: bytes) -> bytes:
    """A field with bytes; empty ones are left out: to etcd they are others than none."""
    return message(field, value) if value else b""


def message(field: int, content: bytes) -> bytes:
    """A field with a message, which is its own fields one after the other."""
    return _varint(field << 3 | _DATA) + _varint(len(content)) + content


def decode(content: bytes) -> Fields:
    """The fields of a message.

    Raises:
        WireError: it is none.
    """
    try:
        return _decode(content)
    except IndexError as error:
        raise WireError("it breaks off") from error


def _decode(content: bytes) -> Fields:
    found, at, size = Fields({}, {}), 0, len(content)
    while at < size:
        tag, at = _read_varint(content, at)
        kind, field = tag & 7, tag >> 3
        if kind in _SIZES:
            at += _SIZES[kind]
            continue
        value, at = _read_varint(content, at)
        if kind == _NUMBER:
            found.numbers[field] = value - (1 << 64) if value >> 63 else value
        elif kind == _DATA:
            found.data.setdefault(field, []).append(content[at : at + value])
            at += value
        else:
            raise WireError(f"it has a field of kind {kind}")
    if at > size:
        raise IndexError
    return found


_SIZES = {1: 8, 5: 4}
"""Bytes of the kinds that etcd's messages have none of."""


_LONGEST = 10
"""Bytes of a number."""


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    """A number, and where what follows it begins."""
    if (first := content[at]) < 0x80:
        return first, at + 1
    number = shift = 0
    for last in range(at, at + _LONGEST):
        byte = content[last]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, last + 1
        shift += 7
    raise WireError("it has a number without an end")
