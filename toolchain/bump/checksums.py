"""SHA-256 of official downloads: what a release lists of its archives, and what is noted of it."""

from collections.abc import Mapping

from .checkout import COREDNS_RELEASE, ETCD_RELEASE, PINS, Checkout
from .registries import NotReachedError, Registries

PULUMI_RELEASES = "https://get.pulumi.com/releases/sdk"
ETCD_RELEASES = "https://github.com/etcd-io/etcd/releases/download"
COREDNS_RELEASES = "https://github.com/coredns/coredns/releases/download"
COMPUTERS = ("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64")
PROCESSORS = ("amd64", "arm64")
LIBRARYS_SUMS = r"^SHA256: dict\[str, str\] = \{.*?\}$"
IN_LIBRARY = {"ETCD_SHA256": ETCD_RELEASE, "COREDNS_SHA256": COREDNS_RELEASE}
"""Where the library says the same, by the name in pins.env."""


def of_engine(checkout: Checkout, registries: Registries) -> tuple[str, str]:
    """Note what Pulumi's release lists. Returns what was known before, and what is now.

    Raises:
        NotReachedError: the list is not reached, lacks an archive, or is another than is known.
    """
    version = checkout.pin("PULUMI_VERSION")
    archives = {one: f"pulumi-v{version}-{one}.tar.gz" for one in COMPUTERS}
    url = f"{PULUMI_RELEASES}/pulumi-{version}-checksums.txt"
    return _note(checkout, "PULUMI_SHA256", _listed(registries, url, archives), url)


def of_etcd(checkout: Checkout, registries: Registries) -> tuple[str, str]:
    """Note what etcd's release lists, for the library as well: as for the engine."""
    version = checkout.pin("ETCD_VERSION")
    archives = {one: f"etcd-v{version}-linux-{one}.tar.gz" for one in PROCESSORS}
    url = f"{ETCD_RELEASES}/v{version}/SHA256SUMS"
    sums = _listed(registries, url, archives)
    return _note(checkout, "ETCD_SHA256", sums, url)


def of_coredns(checkout: Checkout, registries: Registries) -> tuple[str, str]:
    """Note what CoreDNS's release says beside each archive, for the library as well."""
    version = checkout.pin("COREDNS_VERSION")
    url, sums = f"{COREDNS_RELEASES}/v{version}", dict[str, str]()
    for one in PROCESSORS:
        archive = f"coredns_{version}_linux_{one}.tgz"
        sums |= _listed(registries, f"{url}/{archive}.sha256", {one: archive})
    return _note(checkout, "COREDNS_SHA256", sums, url)


def forget(checkout: Checkout, version_pin: str) -> None:
    """Checksums are of one release, so they go with its pin, if it has any."""
    name = version_pin.replace("VERSION", "SHA256")
    if f"\n{name}=" in checkout.read(PINS):
        checkout.set_pin(name, "()")
    _put_into_library(checkout, name, {})


def _listed(registries: Registries, url: str, archives: dict[str, str]) -> dict[str, str]:
    lines = [line.split() for line in registries.get(url).splitlines()]
    listed = {line[1]: line[0] for line in lines if len(line) == 2}
    if missing := [name for name in archives.values() if name not in listed]:
        raise NotReachedError(f"{url}: it lists no {missing[0]}")
    return {one: listed[name] for one, name in archives.items()}


def _note(checkout: Checkout, name: str, sums: dict[str, str], url: str) -> tuple[str, str]:
    """Once known, they stay: a release can be put up again."""
    before, now = checkout.pin(name), _array(sums)
    if before not in ("()", now):
        raise NotReachedError(f"{url}: it lists other checksums than are known of this release")
    checkout.set_pin(name, now)
    _put_into_library(checkout, name, sums)
    return before, now


def _put_into_library(checkout: Checkout, name: str, sums: Mapping[str, str]) -> None:
    if name not in IN_LIBRARY:
        return
    lines = "".join(f'    "{one}": "{digest}",\n' for one, digest in sums.items())
    literal = f"{{\n{lines}}}" if sums else "{}"
    checkout.substitute(IN_LIBRARY[name], LIBRARYS_SUMS, f"SHA256: dict[str, str] = {literal}")


def _array(sums: dict[str, str]) -> str:
    """As bash writes it: (amd64=... arm64=...)."""
    return f"({' '.join(f'{one}={digest}' for one, digest in sums.items())})"
