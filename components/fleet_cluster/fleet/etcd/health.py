"""The health of a member of etcd, over HTTP: every version tells it to every client."""

import json
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
ALARMS = ("NOSPACE", "CORRUPT")
"""What etcd raises, for all members at once, until somebody clears it."""
NARROW = 0.8
"""The share of their quota from which on it is told how much the data take."""
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


@dataclass(frozen=True)
class Room:
    """The room of a member's data."""

    used: int
    """Bytes of the file that they are in: more than they are, until it is defragmented."""
    quota: int
    """Bytes from which on nothing more is taken."""

    def warning(self) -> str:
        """What is told when it is used up soon; empty when it is not."""
        if self.used < NARROW * self.quota:
            return ""
        return (
            f"etcd's data take {self.used / 2**20:.0f} of {self.quota / 2**20:.0f} MiB; at the"
            ' limit nothing can be written. What to do: "When there is no room" in'
            " docs/operations.md"
        )


def room(endpoint: str, secured_by: ssl.SSLContext | None) -> Room:
    """The room of the member at "address:port".

    Raises:
        OSError: it does not answer, or does not say.
    """
    names = "etcd_mvcc_db_total_size_in_bytes", "etcd_server_quota_backend_bytes"
    used, quota = (int(figure) for figure in _figures(endpoint, secured_by, *names))
    if not quota:
        raise OSError(f"its figures lack {' or '.join(names)}")
    return Room(used, quota)


def is_learner(endpoint: str, secured_by: ssl.SSLContext | None) -> bool:
    """Whether the member at "address:port" is a learner, which has no vote yet.

    Raises:
        OSError: it does not answer, or does not say.
    """
    (figure,) = _figures(endpoint, secured_by, "etcd_server_is_learner")
    return figure != 0


def _figures(endpoint: str, secured_by: ssl.SSLContext | None, *names: str) -> list[float]:
    """Figures of the member by their names; 0 where it has none.

    Raises:
        OSError: it does not answer, or they are none.
    """
    figures = _get(endpoint, "/metrics", secured_by).decode(errors="replace")
    found = [re.search(rf"^{name} (\S+)$", figures, re.MULTILINE) for name in names]
    try:
        return [float(one[1]) if one else 0.0 for one in found]
    except ValueError as error:
        raise OSError(f"its figures are none: {error}") from error


def alarms(said: str) -> list[str]:
    """The alarms in what a member says."""
    return [alarm for alarm in ALARMS if re.search(rf"alarm:? *{alarm}", said, re.IGNORECASE)]


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
