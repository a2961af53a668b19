"""The health of a member of etcd, over HTTP: every version tells it to every client."""

import json
import ssl
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from ..kv import KV, KVRefusedError, KVUnavailableError, LeaseLostError

SECONDS = 5.0
"""How long a member has for its answer."""

PROBE_TTL = 5
"""Seconds of the lease that is asked for to see whether anything can be written."""

FULL = (
    "alarm NOSPACE: etcd's data have reached their limit, and nothing can be written; units run on."
    ' What to do: "When there is no room" in docs/operations.md'
)
UNWELL = "it is not well, and does not say why; ask it: etcdctl endpoint health, etcdctl alarm list"


def ask(endpoint: str, secured_by: ssl.SSLContext | None) -> str:
    """Why the member at "address:port" is not well, in its words; empty when it is.

    Raises:
        OSError: it does not answer.
    """
    return _said(_get(endpoint, "/health", secured_by))


def version(endpoint: str, secured_by: ssl.SSLContext | None) -> str:
    """The version of the member at "address:port": 3.6.16.

    Raises:
        OSError: it does not answer, or does not say.
    """
    answer = _get(endpoint, "/version", secured_by)
    try:
        return str(json.loads(answer)["etcdserver"])
    except (ValueError, TypeError, KeyError) as error:
        raise OSError(f"it answers {answer[:100]!r}") from error


def _get(endpoint: str, path: str, secured_by: ssl.SSLContext | None) -> bytes:
    """The member's answer.

    Raises:
        OSError: there is none.
    """
    host, _, port = endpoint.rpartition(":")
    kind = HTTPSConnection if secured_by else HTTPConnection
    more: dict[str, Any] = {"context": secured_by} if secured_by else {}
    connection = kind(host.strip("[]"), int(port), timeout=SECONDS, **more)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except HTTPException as error:
        raise OSError(f"no answer that is HTTP: {error!r}") from error
    finally:
        connection.close()


def context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """What mutual TLS needs.

    Raises:
        OSError: a file cannot be read, or is none of these.
    """
    found = ssl.create_default_context(cafile=ca)
    found.load_cert_chain(certificate, key)
    return found


def check(
    members: Sequence[str], here: str, asked: Callable[[str], str], probe: Callable[[], str]
) -> str:
    """What is wrong with etcd; empty when nothing is.

    Args:
        members: their endpoints, "address:port" each.
        here: this machine's address. Its own member is asked, if it has one, else any.
        asked: asks one, as `ask` does.
        probe: says why nothing can be written, for a member that does not say what it has.
    """
    own = own_member(members, here)
    for member in own or members:
        try:
            return _explained(asked(member), probe)
        except OSError as error:
            if own:
                return (
                    f"this machine's member does not answer ({error}); systemd starts it again."
                    " Why it ended: journalctl --unit=etcd.service"
                )
    return ""  # None answers: then the lease tells.


def own_member(members: Sequence[str], here: str) -> list[str]:
    """Those of the endpoints that are on this machine: one, or none."""
    return [member for member in members if member.rpartition(":")[0].strip("[]") == here]


def write_probe(store: KV) -> str:
    """Why nothing can be written; empty when it can, or when nobody knows."""
    try:
        store.revoke(store.grant(PROBE_TTL))
    except KVRefusedError as error:
        return str(error)
    except (KVUnavailableError, LeaseLostError):
        return ""
    return ""


def _explained(said: str, probe: Callable[[], str]) -> str:
    if not said:
        return ""
    reason = said if said != UNWELL else probe()
    if "NOSPACE" in reason or "database space exceeded" in reason:
        return FULL
    return reason or said


def _said(answer: bytes) -> str:
    try:
        health: Any = json.loads(answer)
        if str(health["health"]).lower() == "true":
            return ""
        return str(health.get("reason") or UNWELL)
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"it answers {answer[:100]!r}"
