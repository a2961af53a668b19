"""What all functions share: arguments are checked, filters put together, errors explained."""

import functools
import re
from collections.abc import Callable
from typing import Any

from ...resource import PluginError, names
from ...values import Plain, items_of
from ..client import errors, region

Function = Callable[[Plain], Plain]

NONE_FOUND = "nothing matches. Given: {}."
SEVERAL = "{} match, and one is wanted: {}. Narrow it down with filters."
NAMED = 5


def function(supported: str) -> Callable[[Function], Function]:
    """Makes a function refuse arguments that are not in the text `supported`, by name."""
    allowed = names(supported)

    def decorate(ask: Function) -> Function:
        title = _title(ask)

        @functools.wraps(ask)
        def checked(arguments: Plain) -> Plain:
            for name in sorted(arguments.keys() - allowed):
                choices = ", ".join(sorted(allowed)) or "none"
                raise PluginError(
                    f"{title}: this stand-in does not support the argument {name}."
                    f" Supported: {choices}."
                )
            with errors(title):
                return ask(arguments)

        return checked

    return decorate


def _title(ask: Function) -> str:
    return "get" + re.sub(r"(?:^|_)(.)", lambda found: found[1].upper(), ask.__name__)


def block(value: Plain, title: str, supported: str) -> Plain:
    """Returns an object among the arguments; refuses fields that are not in the text `supported`.

    Python's SDK leaves the names in a plain dict as Python has them.
    """
    fields = {re.sub(r"_(.)", lambda m: m[1].upper(), name): v for name, v in value.items()}
    for name in sorted(fields.keys() - names(supported)):
        raise PluginError(f"{title}: there is no field {name}. Supported: {supported}.")
    return fields


def filters(arguments: Plain, **by_input: str) -> Plain:
    """Returns the parameter `Filters`: those given, tags, and inputs that are filters of AWS's."""
    wanted: list[Plain] = []
    for one in items_of(arguments.get("filters")):
        checked = block(one, "filters", "name values")
        wanted.append({"Name": checked["name"], "Values": checked["values"]})
    for name, value in arguments.get("tags", {}).items():
        wanted.append({"Name": f"tag:{name}", "Values": [value]})
    for name, key in by_input.items():
        if name in arguments:
            value = arguments[name]
            text = str(value).lower() if isinstance(value, bool) else value
            wanted.append({"Name": key, "Values": [text]})
    return {"Filters": wanted} if wanted else {}


def only(found: list[Plain], key: str, what: str, arguments: Plain) -> Plain:
    """Returns the only one found.

    Raises:
        PluginError: there is none, or several; it says which.
    """
    if not found:
        raise PluginError(f"{what}: {NONE_FOUND.format(arguments)}")
    if len(found) > 1:
        listed = ", ".join(one[key] for one in found[:NAMED])
        more = ", ..." if len(found) > NAMED else ""
        raise PluginError(f"{what}: {SEVERAL.format(len(found), listed + more)}")
    return found[0]


def pages(service: Any, call: str, key: str, parameters: Plain) -> list[Plain]:
    """Returns what all pages of an answer list under `key`."""
    answer = service.get_paginator(call).paginate(**parameters)
    return [one for page in answer for one in page[key]]


def asked(arguments: Plain, outputs: Plain) -> Plain:
    """Returns outputs, with what was asked, as functions repeat it, and the region."""
    return {"region": region()} | arguments | outputs
