"""Between the names of Pulumi's properties and those of AWS's requests and answers. Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import unquote

from ..values import Plain


def given(inputs: Plain, /, **parameters: str) -> Plain:
    """Returns a request's parameters by the inputs they come from; those not given are left out."""
    return {name: inputs[source] for name, source in parameters.items() if source in inputs}


def shown(found: Plain, /, **outputs: str) -> Plain:
    """Returns outputs by an answer's fields (`State.Name` for one inside); absent: left out."""
    values = {name: field(found, path) for name, path in outputs.items()}
    return {name: value for name, value in values.items() if value is not None}


def field(found: Any, path: str) -> Any:
    """Returns the value at a path like `Placement.AvailabilityZone`, or None."""
    for name in path.split("."):
        found = object_of(found).get(name)
    return found


def object_of(value: Any) -> Plain:
    """Returns an object, and an empty one for what is none (left out, or unknown)."""
    return cast("Plain", value) if isinstance(value, dict) else {}


def pascal(value: Any) -> Any:
    """Returns a nested value with `httpTokens` as `HttpTokens`, as AWS's requests have it."""
    return _renamed(value, lambda name: name[:1].upper() + name[1:])


def camel(value: Any) -> Any:
    """Returns a nested value with `HttpTokens` as `httpTokens`, as Pulumi's properties have it."""
    return _renamed(value, lambda name: name[:1].lower() + name[1:])


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {rename(name): _renamed(item, rename) for name, item in items}
    if isinstance(value, list):
        return [_renamed(item, rename) for item in cast("list[Any]", value)]
    return value


def covers(had: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; what AWS adds to an object is no difference."""
    if isinstance(wanted, Mapping) and isinstance(had, Mapping):
        there = cast("Mapping[str, Any]", had)
        items = cast("Mapping[str, Any]", wanted).items()
        visible = [(name, item) for name, item in items if not name.startswith("__")]
        return all(name in there and covers(there[name], item) for name, item in visible)
    if isinstance(wanted, list) and isinstance(had, list):
        pairs = list(zip(cast("list[Any]", had), cast("list[Any]", wanted), strict=False))
        same_length = len(cast("list[Any]", had)) == len(cast("list[Any]", wanted))
        return same_length and all(covers(h, w) for h, w in pairs)
    return had == wanted


def same_set(had: Any, wanted: Any) -> bool:
    """Whether two lists hold the same items, in any order."""
    return sorted(map(_text, had or [])) == sorted(map(_text, wanted or []))


def same_document(had: Any, wanted: Any) -> bool:
    """Whether two JSON documents, as text or as an object, mean the same."""
    return _document(had) == _document(wanted)


def document_text(value: Any) -> str:
    """Returns a JSON document as text. AWS hands some out with percent signs, boto3 as objects."""
    return unquote(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _text(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=str)


def _document(value: Any) -> Any:
    """An item alone and a list of it mean the same in AWS's policies, and lists are sets there."""
    if isinstance(value, str):
        try:
            return _document(json.loads(value)) if value[:1] in "{[" else value
        except ValueError:
            return value
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {name: _document(item) for name, item in items}
    if isinstance(value, list):
        normal = sorted((_document(item) for item in cast("list[Any]", value)), key=_text)
        return normal[0] if len(normal) == 1 else normal
    return value
