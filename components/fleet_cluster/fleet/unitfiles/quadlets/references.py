"""References of a quadlet to others, without which Podman makes no service of it (pure)."""

from collections.abc import Iterator

from ..syntax import Directive, Syntax
from .names import is_quadlet

_SECTIONS = ("Container", "Pod", "Volume")
_BEFORE_COLON = ("Volume", "Network")
"""Keys whose values go on after a colon: `data.volume:/srv:ro`."""
_KEYS = (*_BEFORE_COLON, "Pod", "Mount")
_IMAGE_UNITS = (".image", ".build")


def references(syntax: Syntax) -> tuple[str, ...]:
    """The quadlets that a quadlet's file names, each once, in order."""
    found = (name for directive in _directives(syntax) for name in referred(directive))
    return tuple(dict.fromkeys(name for name in found if "%" not in name and "{{" not in name))


def referred(directive: Directive) -> Iterator[str]:
    """The quadlets that a directive names, as they are written."""
    if directive.section not in _SECTIONS or directive.key not in _KEYS:
        return
    value = directive.value.strip("\"'")
    if directive.key in _BEFORE_COLON:
        words = [value.partition(":")[0]]
    elif directive.key == "Mount":
        pairs = [part.partition("=") for part in value.split(",")]
        words = [given for key, _, given in pairs if key.strip() in ("source", "src")]
    else:
        words = [value]
    yield from (word for word in words if is_quadlet(word) and "/" not in word)


def image_unit(directive: Directive) -> str:
    """The unit of Podman's that is to provide an image (`Image=app.build`); empty if none is."""
    is_one = directive.key == "Image" and directive.value.endswith(_IMAGE_UNITS)
    return directive.value if is_one else ""


def _directives(syntax: Syntax) -> Iterator[Directive]:
    keys = sorted({(one.section, one.key) for one in syntax.directives})
    wanted = [(section, key) for section, key in keys if section in _SECTIONS and key in _KEYS]
    found = [one for section, key in wanted for one in syntax.values(section, key)]
    yield from sorted(found, key=lambda one: one.line)
