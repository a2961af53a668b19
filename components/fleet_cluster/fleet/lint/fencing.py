"""Lint of units with `Fence=true`: what the fence cannot stop (pure).

It stops the unit, and kills what is in its cgroup and in its slice. Container engines put
containers elsewhere unless they are told.
"""

import re
from collections.abc import Iterator

from ..unitfiles.directives import COMMANDS
from ..unitfiles.names import instance_of, is_template, specifiers
from ..unitfiles.options import values
from ..unitfiles.slices import slice_setting
from ..unitfiles.syntax import Directive, Syntax, read
from ..unitfiles.unitfile import parse
from ..unitfiles.validation import Remark

_STARTERS = ("timer", "socket", "path", "target")
"""Types of units that start others."""

_PROGRAM = r"(?:^|[\s/'\"();&|@:+!-])"
_ENGINE = re.compile(
    _PROGRAM + r"(?P<engine>docker|nerdctl|podman)(?:\s+-\S+)*\s+(?:container\s+)?"
    r"(?P<verb>run|create|start|compose)\b"
)
_OUTSIDE = re.compile(_PROGRAM + r"(?P<program>systemd-run|docker-compose|podman-compose)\s")
_PARENT = re.compile(r"\s--cgroup-parent[=\s]\s*[\"']?(?P<slice>[^\s\"']+)")
_SPLIT = re.compile(r"\s--cgroups[=\s]\s*split\b")


def fence_remarks(name: str, text: str) -> list[Remark]:
    """Remarks on what of a unit the fence cannot stop; none without `Fence=true`."""
    if not parse(name, text).requirements.is_fenced:
        return []
    syntax = read(name, text)
    unit_type = name.rpartition(".")[2]
    if unit_type in _STARTERS:
        line = values(name, syntax, "Fence")[-1].line
        what = f"the fence stops the {unit_type}, not what it has started: give that Fence=true too"
        return [Remark(line, what)]
    return [
        Remark(directive.line, f"the fence cannot stop {what}")
        for directive in syntax.directives
        if not directive.section.startswith("X-")
        for what in (*_unfenced(name, syntax, directive), *_outside_quadlet(directive))
    ]


def _outside_quadlet(directive: Directive) -> Iterator[str]:
    """What keeps a quadlet's container from being in the cgroup of its service."""
    given = f"{directive.key}={directive.value}"
    if (directive.section, directive.key) == ("Container", "Pod"):
        yield f"the container with {given}: it is in its pod's cgroup"
    elif directive.section in ("Container", "Pod") and directive.key == "CgroupsMode":
        if directive.value != "split":
            yield f"the container with {given}: leave it out, so that it is in the unit's cgroup"
    elif directive.section == "Pod":
        yield "a pod's containers: they are in a cgroup of the pod"


def _unfenced(name: str, syntax: Syntax, command: Directive) -> Iterator[str]:
    """What a command starts outside of the unit, and what to do about it."""
    if command.key not in COMMANDS:
        return
    slice = slice_setting(name, syntax)
    for found in _ENGINE.finditer(command.value):
        engine, verb = found["engine"], found["verb"]
        if verb == "start":
            is_inside = any(_is_inside(one.value, slice) for one in syntax.directives)
        else:
            is_inside = _is_inside(command.value, slice) or (verb == "compose" and bool(slice))
        if not is_inside:
            yield f"the container of {engine} {verb}: {_advice(name, engine, verb, slice)}"
    for found in _OUTSIDE.finditer(command.value):
        if found["program"] == "systemd-run" or not slice:
            yield f"what {found['program']} starts: it is not in the unit's cgroup or slice"


def _is_inside(command: str, slice: str) -> bool:
    """Whether a command makes a container in the unit's cgroup, or in its slice."""
    parent = _PARENT.search(command)
    return bool(_SPLIT.search(command) or (slice and parent and parent["slice"] == slice))


def _advice(name: str, engine: str, verb: str, slice: str) -> str:
    if engine == "podman":
        return "make it with --cgroups=split"
    own = slice or _example(name)
    where = "make it with" if verb == "start" else "add"
    option = f"cgroup_parent: {own} in its file" if verb == "compose" else f"--cgroup-parent={own}"
    return f"{where} {option}" + ("" if slice else f", and a line Slice={own} to [Service]")


def _example(name: str) -> str:
    """A slice for a unit, of whose name no part is one of systemd's slices."""
    stem = re.sub(r"[^A-Za-z0-9_]", "_", specifiers(name)["%p"])
    is_one_of_several = is_template(name) or instance_of(name)
    return f"{stem}_%i.slice" if is_one_of_several else f"{stem}.slice"
