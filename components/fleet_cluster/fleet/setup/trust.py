"""Authorities whose certificates this machine takes: the present one, and for a while the others.

Machines get another authority, and what it has signed, one after the other. Until all have it,
each goes on to trust those that it has trusted (`configure`). The step `trust` ends that.
"""

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..etcd_configuration import ETCD_PKI
from ..etcd_roles import APP
from ..journal_shipping import UNITS as JOURNALS
from .dns import coredns
from .dns import files as dns
from .etcd import set_member_up
from .files import FLEET_PKI, File
from .inputs import Configuration, Pair, Trust
from .shell import RefusedError, StepError, run, say, systemctl, write

TRUSTED = Path(FLEET_PKI, "ca.crt")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def with_trusted(configuration: Configuration[str]) -> Configuration[str]:
    """A configuration in which those are trusted as well that this machine has trusted.

    Raises:
        RefusedError: none of them has introduced the authority of its certificates.
    """
    present = TRUSTED.read_text() if TRUSTED.exists() else ""
    if present and not is_introduced(configuration.roles[APP.name], present):
        raise RefusedError(NOT_INTRODUCED)
    known = present or configuration.previous_authority
    return replace(configuration, authority=authorities(configuration.authority, known))


def authorities(present: str, before: str) -> str:
    """Certificates of authorities, PEM: the present one first, each once."""
    return "".join(dict.fromkeys([*_certificates(present), *_certificates(before)]))


def is_introduced(pair: Pair[str], trusted: str) -> bool:
    """Whether who trusts these authorities takes this certificate, be they past their end."""
    own, *chain = _certificates(pair.cert)
    with TemporaryDirectory() as name:
        files = {"own": own, "chain": "".join(chain) or own, "trusted": trusted}
        for file, text in files.items():
            Path(name, file).write_text(text)
        how = ("-no_check_time", "-CAfile", f"{name}/trusted", "-untrusted", f"{name}/chain")
        try:
            run("openssl", "verify", *how, f"{name}/own")
        except StepError:
            return False
    return True


def trust(stdin: str) -> None:
    """The step itself: the present authority is trusted alone, also by the member of etcd."""
    wanted = Trust[str].from_json(stdin)
    own = Path(FLEET_PKI, TRUSTED.name)
    before = own.read_text()
    files = [*Path(FLEET_PKI).rglob("ca.crt"), *Path(ETCD_PKI).glob("ca.crt")]
    changed = [write(str(file), File(wanted.authority)) for file in files]
    if any(changed):
        say("what the authority before this one has signed is not taken any more")
        try:
            _restart_those_who_trust()
        except StepError:
            write(str(own), File(before))  # So that the next one does it again.
            raise
    if wanted.member:
        # It reads whom it trusts when it starts; and connections of before are to end.
        set_member_up(wanted.member, bootstrap=False)


def _restart_those_who_trust() -> None:
    """What reads whom it trusts when it starts, but for etcd."""
    if coredns.has_resolver():
        systemctl("restart", dns.UNIT)
    systemctl("try-restart", JOURNALS)


NOT_INTRODUCED = (
    "this machine trusts another authority than the one that has signed its new certificates, and "
    "has not been introduced to that one: certificate-authority goes up, by one at a time. Nothing "
    "was changed. Set it to what it was, or to one more"
)


def _certificates(pem: str) -> list[str]:
    return [one.strip() + "\n" for one in _CERTIFICATE.findall(pem)]
