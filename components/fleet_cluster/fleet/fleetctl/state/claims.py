"""Claims: which of Pulumi's resources has written what, and whether it was changed since.

A replacement writes first, and then the resource that it replaces ends, under the same name. So
each has a token: it prints it, and Pulumi gives what was printed back when the resource ends.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping

from ...cluster_state.state import ClusterState
from ...kv import KV, Delete, KeyValue, Put, Unchanged
from ...model.keys import claim_key
from ...model.pins import pins_of, unpinned
from ...model.record import BadRecordError
from ...model.records import Claim, Unit
from ...unitfiles.text import sha_of
from .layout import check_layout

PRINTED = "PULUMI_COMMAND_STDOUT"
"""Where the command plugin puts what the resource has printed; only for an update and the end."""


def claim(kv: KV, name: str, content: str, mended: int) -> str:
    """Note that this resource has written `content`: the token, for it to print.

    A resource keeps its token as long as it is not replaced.

    Raises:
        KVUnavailableError: nobody knows whether it was noted.
    """
    check_layout(kv)
    token = _own_token() or secrets.token_hex(8)
    key, noted = claim_key(name), Claim(token, digest(token, content), mended)
    known = kv.get([key]).entries.get(key)
    if known is None or known.value != noted.to_json():
        kv.commit([Put(key, noted.to_json())])
    return token


def stands(view: ClusterState, name: str, content: str, mended: int) -> bool:
    """Whether this resource has written `content` before, and nobody has changed it since.

    Then an update that asks for it again, as after a change of the way to the machines, has nothing
    to do, and nothing to wait for.

    Args:
        view: the records, among them what the units are now.
        name: an owner of units.
        content: `content_of` what is wanted.
        mended: as for `claim`.
    """
    known = claims_in(view).get(name)
    owned = {unit: one for unit, one in view.units.items() if one.owner == name}
    now = content_of(owned, view.files)
    if known is None or known.token != _own_token() or known.repairs != mended:
        return False
    return digest(known.token, content) == known.digest and now == content


def release(kv: KV, name: str) -> bool:
    """Forget the claim, if it is this resource's.

    Returns:
        Whether what it has written is to go: nobody else has claimed it since.
    """
    check_layout(kv)
    key = claim_key(name)
    while known := kv.get([key]).entries.get(key):
        found = _read(known)
        if found and found.token != _own_token():
            return False
        if kv.commit([Delete(key)], Unchanged(key, known.mod_revision)):
            break
    return True


def is_of_another(view: ClusterState, name: str) -> bool:
    """Whether another resource has the claim, be it the one that this one replaces."""
    known = claims_in(view).get(name)
    return known is not None and known.token != _own_token()


def kept(name: str) -> str:
    """Message for when another resource has claimed it."""
    return f"{name} stays: another resource has written it since this one did"


def digest(token: str, content: str) -> str:
    """Digest that tells whether content was changed, not what it is."""
    return hashlib.sha256(f"{token}\n{content}".encode()).hexdigest()


def content_of(units: Mapping[str, Unit], texts: Mapping[str, str]) -> str:
    """Content of units, for a claim: which there are, with which file and desired state.

    A file counts as it was given: another version of a secret is no change by hand.

    Args:
        units: the records.
        texts: the files that they name, by SHA-256.
    """

    def given(sha: str) -> str:
        return sha_of(unpinned(texts[sha])) if pins_of(texts.get(sha, "")) else sha

    wanted: dict[str, list[object]] = {
        name: [given(unit.sha), unit.desired_state] for name, unit in units.items()
    }
    for name, unit in units.items():
        if unit.retained_files:  # As a canary leaves them.
            kept = {machine: given(sha) for machine, sha in unit.retained_files.items()}
            wanted[name].append(kept)
    return json.dumps(wanted, sort_keys=True)


def claims_in(view: ClusterState) -> Mapping[str, Claim | None]:
    """All claims by name; None where the record is damaged."""
    start = claim_key("")
    return {
        key.removeprefix(start): _read(entry)
        for key, entry in view.entries.items()
        if key.startswith(start)
    }


def changed(claims: Mapping[str, Claim | None], contents: Mapping[str, str]) -> Iterable[str]:
    """The names whose content is not what was claimed, or is not there."""
    for name, known in claims.items():
        content = contents.get(name)
        if not known or content is None or digest(known.token, content) != known.digest:
            yield name


def _read(entry: KeyValue) -> Claim | None:
    """A damaged record protects nothing; the next update writes it anew."""
    try:
        return Claim.from_json(entry.value)
    except BadRecordError:
        return None


def _own_token() -> str:
    try:
        return str(json.loads(os.environ.get(PRINTED, ""))["claim"])
    except (ValueError, KeyError, TypeError):
        return ""
