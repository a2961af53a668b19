"""moto's server, noting which API actions were called. `python -m tests.aws.calls FILE -H HOST ...`

A line of the file is JSON, a Call.
"""

import importlib
import io
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

TAG = "project"
OPERATOR = "operator"
"""The access key with which Pulumi calls; tests call with others."""
SCOPE = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")


@dataclass(frozen=True)
class Call:
    """A call, and what IAM's conditions can ask of it."""

    caller: str
    """By the id of the access key."""
    action: str
    """As in policies: ec2:RunInstances."""
    project: str = ""
    """The tag `project` that what is made gets."""
    boundary: str = ""
    """The permissions boundary that a role gets."""


def call_of(caller: str, service: str, target: str, body: str) -> Call:
    """What a request asks for; services take JSON, or forms."""
    given: Mapping[str, str] = {key: one[0] for key, one in parse_qs(body).items()}
    action = target.rpartition(".")[2] or given.get("Action", "?")
    values = {given.get(f"{key.removesuffix('.Key')}.Value") for key in given if given[key] == TAG}
    project = next((value for value in values if value), "")
    return Call(caller, f"{service}:{action}", project, given.get("PermissionsBoundary", ""))


def note_calls(log: Path) -> None:
    """Change moto before it serves."""
    application: Any = importlib.import_module("moto.server").DomainDispatcherApplication
    serve = application.__call__

    def noting(self: Any, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        found = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        if found:
            caller, service = found.groups()
            target = environ.get("HTTP_X_AMZ_TARGET", "")
            noted = call_of(caller, service, target, body.decode(errors="replace"))
            with log.open("a") as lines:
                lines.write(json.dumps(asdict(noted)) + "\n")
        return serve(self, environ, start_response)

    application.__call__ = noting


def calls(log: Path) -> list[Call]:
    """What the operator called."""
    told = [Call(**json.loads(line)) for line in log.read_text().splitlines()]
    return [one for one in told if one.caller == OPERATOR]


if __name__ == "__main__":
    note_calls(Path(sys.argv[1]))
    server: Any = importlib.import_module("moto.server")
    server.main(sys.argv[2:])
