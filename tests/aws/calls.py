"""moto's server, noting which API actions were called. `python -m tests.aws.calls FILE -H HOST ...`

A line of the file is `CALLER SERVICE:ACTION`, the caller by the id of the access key.
"""

import importlib
import io
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

OPERATOR = "operator"
"""The access key with which Pulumi calls; tests call with others."""
SCOPE = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")


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
            target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
            action = target or parse_qs(body.decode(errors="replace")).get("Action", ["?"])[0]
            with log.open("a") as lines:
                lines.write(f"{caller} {service}:{action}\n")
        return serve(self, environ, start_response)

    application.__call__ = noting


def calls(log: Path) -> set[str]:
    """What the operator called: service:action."""
    told = [line.split() for line in log.read_text().splitlines()]
    return {action for caller, action in told if caller == OPERATOR}


if __name__ == "__main__":
    note_calls(Path(sys.argv[1]))
    server: Any = importlib.import_module("moto.server")
    server.main(sys.argv[2:])
