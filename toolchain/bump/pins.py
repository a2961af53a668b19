"""The pins: where each one's newest version is looked up, and what follows when it changes."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

from . import checksums
from .checkout import (
    BASE_IMAGE_USERS,
    COREDNS_RELEASE,
    ETCD_RELEASE,
    LOCK,
    PINS,
    REQUIREMENTS,
    Checkout,
)
from .registries import NotReachedError, Registries, normalized, numbers

PKG, SDK = "github.com/pulumi/pulumi/pkg/v3", "github.com/pulumi/pulumi/sdk/v3"
YAML = "github.com/pulumi/pulumi-yaml"
CONFD = "github.com/kelseyhightower/confd"
COREDNS = "github.com/coredns/coredns"
ETCD = [f"go.etcd.io/etcd/{program}/v3" for program in ("server", "etcdctl", "etcdutl")]
IMAGE_TAGS = "https://hub.docker.com/v2/repositories/library/debian/tags"
DEBIAN = "https://deb.debian.org"
OF_MACHINES = {"dbus-fast", "h2"}
"""The version that machines have is Debian's: the tests here are to have the same one."""
PASSED_OVER = {"types-PyYAML": "!=6.0.12.20261122"}
"""Releases that were tried and do not do: here, pyright finds unknown types in it."""
CANDIDATES = 5
"""How many of the newest releases are tried, when Go does not get one with all that it imports."""
BASE_NAME = re.compile(r"debian:(?P<suite>\w+)-(?P<date>\d{8})-slim")

OWN_TOOLS = "the set-up makes or gets it; stacks stay as they are"
PLUGIN = "pulumi up works with this plugin; a preview shows what it sees otherwise"
MEMBERS = "pulumi up rolls etcd's members, one at a time"
RESOLVERS = "pulumi up starts CoreDNS anew on the machines"
DOWNLOADS = "every download is compared with it"
NGINX_POOL = "the image nginx-pool is built anew, and its unit rolls"
IMAGES = "images are built anew: machines are made anew, one at a time, and units roll"


@dataclass(frozen=True)
class Pin:
    """A pin, and what was found of it."""

    name: str
    before: str
    after: str
    follows: str = ""
    """What a change means for clusters."""
    note: str = ""
    """Why it is not newer, or what else there is to know."""


@dataclass(frozen=True)
class Group:
    """Pins that change together, or not at all."""

    name: str
    pin: str
    """The name in pins.env that says what it is now; none where there are many."""
    look_up: Callable[[Checkout, Registries], list[Pin]]
    """Looks up the newest, and changes the checkout to it.

    Raises:
        NotReachedError: it cannot be had; the checkout may be half changed.
    """


def engine(checkout: Checkout, registries: Registries) -> list[Pin]:
    """Pulumi's engine, of a release that has both of its modules."""
    both = set(registries.go_versions(SDK)) & set(registries.go_versions(PKG))
    versions = sorted(both, key=numbers)
    return [
        _go_pin(
            checkout,
            registries,
            Pin("Pulumi's engine", checkout.pin("PULUMI_VERSION"), "", OWN_TOOLS),
            ("PULUMI_VERSION", "engine", [f"{PKG}/cmd/pulumi"], [SDK]),
            versions,
        )
    ]


def language_yaml(checkout: Checkout, registries: Registries) -> list[Pin]:
    """The program that runs YAML programs, for the tests."""
    return [
        _go_pin(
            checkout,
            registries,
            Pin("Pulumi's YAML runtime", checkout.pin("LANGUAGE_YAML_VERSION"), "", OWN_TOOLS),
            ("LANGUAGE_YAML_VERSION", "language-yaml", [f"{YAML}/cmd/pulumi-language-yaml"], []),
            registries.go_versions(YAML),
        )
    ]


def confd(checkout: Checkout, registries: Registries) -> list[Pin]:
    """What follows etcd in the image nginx-pool."""
    return [
        _go_pin(
            checkout,
            registries,
            Pin("confd", checkout.pin("CONFD_VERSION"), "", NGINX_POOL),
            ("CONFD_VERSION", "confd", [CONFD], []),
            registries.go_versions(CONFD),
        )
    ]


def etcd(checkout: Checkout, registries: Registries) -> list[Pin]:
    """The newest etcd of our minor version."""
    now, versions = checkout.pin("ETCD_VERSION"), registries.go_versions(ETCD[0])
    patches = [one for one in versions if numbers(one)[:2] == numbers(now)[:2]]
    looked = Pin("etcd", now, "", MEMBERS, _next_minor(now, versions))
    found = _go_pin(checkout, registries, looked, ("ETCD_VERSION", "etcd", ETCD, []), patches)
    if found.after != now:
        checkout.substitute(ETCD_RELEASE, r'^VERSION = "[^"]*"$', f'VERSION = "{found.after}"')
    return [found]


def _next_minor(now: str, versions: Sequence[str]) -> str:
    later = [one for one in versions if numbers(one)[:2] > numbers(now)[:2]]
    if not later:
        return ""
    return f"{later[-1]} is there: a next minor version is chosen by hand, see docs/operations.md"


def coredns(checkout: Checkout, registries: Registries) -> list[Pin]:
    """The newest CoreDNS, by what our build of it imports."""
    now, source = checkout.pin("COREDNS_VERSION"), checkout.read("toolchain/go/coredns/main.go")
    imported: list[str] = re.findall(rf'"({re.escape(COREDNS)}/[^"]+)"', source)
    looked, versions = Pin("CoreDNS", now, "", RESOLVERS), registries.go_versions(COREDNS)
    where = "COREDNS_VERSION", "coredns", imported, list[str]()
    found = _go_pin(checkout, registries, looked, where, versions)
    if found.after != now:
        checkout.substitute(COREDNS_RELEASE, r'^VERSION = "[^"]*"$', f'VERSION = "{found.after}"')
    return [found]


def engine_checksums(checkout: Checkout, registries: Registries) -> list[Pin]:
    """What the release lists."""
    known = checksums.of_engine(checkout, registries)
    return [Pin("Pulumi's SHA-256", *known, DOWNLOADS)]


def etcd_checksums(checkout: Checkout, registries: Registries) -> list[Pin]:
    """What the release lists."""
    return [Pin("etcd's SHA-256", *checksums.of_etcd(checkout, registries), DOWNLOADS)]


def coredns_checksums(checkout: Checkout, registries: Registries) -> list[Pin]:
    """What the release says beside its archives."""
    return [Pin("CoreDNS's SHA-256", *checksums.of_coredns(checkout, registries), DOWNLOADS)]


def python_packages(checkout: Checkout, registries: Registries) -> list[Pin]:
    """The newest of requirements.txt that fit together; plugins have their packages' versions."""
    text = checkout.read(REQUIREMENTS)
    pinned = re.findall(r"^([\w-]+)((?:\[.*\])?)==(\S+)$", text, re.MULTILINE)
    limits = dict(PASSED_OVER)
    limits |= {name: f"=={before}" for name, _, before in pinned if name in OF_MACHINES}
    # An engine is no older than its SDK.
    limits["pulumi"] = f"<={checkout.pin('PULUMI_VERSION')}"
    wanted = [f"{name}{extra}{limits.get(name, '')}" for name, extra, _ in pinned]
    found = registries.python_packages(wanted)
    pins: list[Pin] = []
    for name, extra, before in pinned:
        after = found[normalized(name)]
        follows = PLUGIN if name.startswith("pulumi-") else OWN_TOOLS
        pins.append(Pin(name, before, after, follows))
        line = rf"^{re.escape(f'{name}{extra}=={before}')}$"
        checkout.substitute(REQUIREMENTS, line, f"{name}{extra}=={after}")
    _put_plugins(checkout, found)
    return [*pins, _lock(checkout, registries)]


def _put_plugins(checkout: Checkout, found: Mapping[str, str]) -> None:
    before = checkout.pin("PLUGINS")
    names = re.findall(r"([a-z-]+)@", before)
    versions = [f"{name}@{found[f'pulumi-{name}']}" for name in names]
    after = f"({' '.join(versions)})"
    if after != before:
        checkout.set_pin("PLUGINS", after)
        checkout.set_pin("PLUGINS_SHA256", "()")


def _lock(checkout: Checkout, registries: Registries) -> Pin:
    """All that requirements.txt needs, with checksums; shown by its own."""
    before = checkout.read(LOCK)
    oldest = checkout.pin("PYTHON_MINIMUM")
    after = registries.python_lock(checkout.read(REQUIREMENTS), oldest)
    checkout.put(LOCK, after)
    was, now = (sha256(text.encode()).hexdigest()[:12] for text in (before, after))
    return Pin("requirements.lock", was, now, OWN_TOOLS)


def base_image(checkout: Checkout, registries: Registries) -> list[Pin]:
    """The newest image of our release of Debian that has a date in its name, and its digest."""
    now, suite = checkout.pin("BASE_IMAGE"), _base(checkout)["suite"]
    answer: dict[str, Any] = json.loads(registries.get(f"{IMAGE_TAGS}?page_size=100&name={suite}-"))
    tags = {f"debian:{tag['name']}": tag["digest"] for tag in answer["results"]}
    dated = sorted(name for name in tags if BASE_NAME.fullmatch(name))
    if not dated:
        raise NotReachedError(f"{IMAGE_TAGS}: it has no image of {suite} with a date")
    newest = max(now, dated[-1])
    checkout.set_pin("BASE_DIGEST", tags.get(newest, checkout.pin("BASE_DIGEST")))
    checkout.replace([*BASE_IMAGE_USERS, *checkout.dockerfiles()], now, newest)
    return [Pin("base image", now, newest, IMAGES)]


def packages_date(checkout: Checkout, registries: Registries) -> list[Pin]:
    """The day of Debian's last change: another one, and packages come from no builder's cache."""
    now, suite = checkout.pin("PACKAGES_DATE"), _base(checkout)["suite"]
    archives = [f"debian/dists/{suite}", f"debian/dists/{suite}-updates"]
    security = f"debian-security/dists/{suite}-security"
    days = [_day(registries, archive) for archive in (*archives, security)]
    newest = max(now, *days)
    for path in (PINS, *checkout.dockerfiles()):
        checkout.replace([path], f"PACKAGES_DATE={now}", f"PACKAGES_DATE={newest}")
    return [Pin("Debian's packages", now, newest, IMAGES)]


def _base(checkout: Checkout) -> re.Match[str]:
    name = checkout.pin("BASE_IMAGE")
    found = BASE_NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{PINS}: BASE_IMAGE is {name}, not debian:SUITE-YYYYMMDD-slim")
    return found


def _day(registries: Registries, archive: str) -> str:
    """When an archive changed last: 2026-11-26."""
    url = f"{DEBIAN}/{archive}/Release"
    found = re.search(r"^Date: (.*)$", registries.get(url), re.MULTILINE)
    if found is None:
        raise NotReachedError(f"{url}: it has no date")
    return parsedate_to_datetime(found[1]).date().isoformat()


def _go_pin(
    checkout: Checkout,
    registries: Registries,
    pin: Pin,
    where: tuple[str, str, list[str], list[str]],
    versions: Sequence[str],
) -> Pin:
    """The newest release that Go gets with all that it imports; what it failed with is noted.

    Args:
        checkout: it is changed to what was found.
        registries: they are asked.
        pin: what it is before.
        where: its name in pins.env, its folder in toolchain/go, the programs that are built, and
            modules of the same release.
        versions: what there is, the oldest first.
    """
    name, folder, programs, modules = where
    path, notes = f"toolchain/go/{folder}", [pin.note] if pin.note else []
    newer = [one for one in versions if numbers(one) > numbers(pin.before)]
    for version in reversed(newer[-CANDIDATES:]):
        try:
            module, sums = registries.go_module(
                checkout.read(f"{path}/go.mod"), version, programs, modules
            )
        except NotReachedError as error:
            notes.append(f"not {version}: {error}")
            continue
        checkout.put(f"{path}/go.mod", module)
        checkout.put(f"{path}/go.sum", sums)
        checkout.set_pin(name, version)
        checksums.forget(checkout, name)
        return Pin(pin.name, pin.before, version, pin.follows, "; ".join(notes))
    return Pin(pin.name, pin.before, pin.before, pin.follows, "; ".join(notes))


GROUPS = [
    Group("Debian's packages", "PACKAGES_DATE", packages_date),
    Group("base image", "BASE_IMAGE", base_image),
    Group("etcd", "ETCD_VERSION", etcd),
    Group("etcd's SHA-256", "ETCD_SHA256", etcd_checksums),
    Group("CoreDNS", "COREDNS_VERSION", coredns),
    Group("CoreDNS's SHA-256", "COREDNS_SHA256", coredns_checksums),
    Group("confd", "CONFD_VERSION", confd),
    Group("Pulumi's engine", "PULUMI_VERSION", engine),
    Group("Pulumi's SHA-256", "", engine_checksums),
    Group("Pulumi's YAML runtime", "LANGUAGE_YAML_VERSION", language_yaml),
    Group("Python packages", "", python_packages),
]
"""In the order in which they are looked up: an engine before the SDK that is no newer."""
