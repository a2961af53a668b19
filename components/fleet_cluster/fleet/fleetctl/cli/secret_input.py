"""The value of a secret, as it is read where it was typed: never from the command line."""

import sys
from base64 import b64decode, b64encode

from ...model.secrets import MAX_BYTES
from .errors import CtlError

GIVEN = ("set", "rotate")
"""What `fleetctl secret` reads a value for."""
HOW = "give its value on standard input: fleetctl secret set NAME < FILE"


def read_secret() -> str:
    """The value on standard input, any bytes, as a text to send.

    Raises:
        CtlError: there is none, or it is too large.
    """
    if sys.stdin.isatty():
        raise CtlError(f"a secret is not typed where it can be seen; {HOW}")
    # A test's standard input may be a text alone.
    source = getattr(sys.stdin, "buffer", None)
    value = source.read(MAX_BYTES + 1) if source else sys.stdin.read().encode()
    check_value(value)
    return b64encode(value).decode()


def value_of(document: str) -> bytes:
    """The value that `read_secret` has read."""
    return b64decode(document)


def check_value(value: bytes) -> None:
    """Refuse a value that no unit could be given.

    Raises:
        CtlError: it is empty, or too large.
    """
    if not value:
        raise CtlError(f"the value is empty, so nothing was changed; {HOW}")
    if len(value) > MAX_BYTES:
        raise CtlError(
            f"the value has more than {MAX_BYTES} bytes, which is the most a secret may have. "
            "Nothing was changed. Seal what is larger with a key, and let the key be the secret"
        )
