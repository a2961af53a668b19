"""The text of every file of DNS that the set-up writes on a machine. Pure."""

from collections.abc import Sequence
from importlib import resources

from ...etcd_roles import DNS
from ...service_name import DOMAIN

UNIT = "fleet-dns.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
COREFILE = "/etc/fleet/Corefile"
RESOLVED = "/etc/systemd/resolved.conf.d/fleet.conf"
ADDRESS = "169.254.20.53"
"""Where containers ask: systemd-resolved answers there, on this machine alone (dns/link.sh)."""
PORT = 1053
"""CoreDNS's, on 127.0.0.1: it needs no right of root."""
USER = "fleet-dns"
PKI = f"/etc/fleet/pki/{DNS.name}"
"""The certificate of its role, which nothing else reads. No credentials of systemd's: where it may
mount nothing, as in a container, the service starts without them."""


def corefile(endpoints: Sequence[str]) -> str:
    """CoreDNS's configuration; `endpoints`: URLs of etcd's members.

    It asks etcd for each answer that is older than a second. If etcd does not answer either within
    a second, what it said last is told for a day: names outlive a control plane that is sick.
    """
    pki = " ".join(f"{PKI}/{file}" for file in ("tls.crt", "tls.key", "ca.crt"))
    return f"""\
{DOMAIN}:{PORT} {{
    bind 127.0.0.1
    errors
    cache {{
        success 9984 1 0
        denial 9984 1 0
        servfail 0
        serve_stale 24h verify 1s 1s 1s
    }}
    etcd {{
        path /fleet
        endpoint {" ".join(endpoints)}
        tls {pki}
    }}
}}
"""


def resolved() -> str:
    """systemd-resolved's: that a name was not there a moment ago is asked again.

    Of what it does besides, a server needs nothing.
    """
    settings = {
        "LLMNR": "no",
        "MulticastDNS": "no",
        "Cache": "no-negative",
        "DNSStubListenerExtra": ADDRESS,
    }
    return "[Resolve]\n" + "".join(f"{name}={value}\n" for name, value in settings.items())


def unit(version: str) -> str:
    """The text of fleet-dns.service; asked for while fleet's software is still an archive."""
    setup = resources.files(__name__.removesuffix(".dns.files"))
    return setup.joinpath("services", UNIT).read_text().replace("VERSION", version)
