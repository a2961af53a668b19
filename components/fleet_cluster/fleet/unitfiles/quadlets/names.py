"""Names of quadlets, and of the services that Podman's generator makes of them (pure).

This is the one place that knows of both: etcd, operators and the log have the quadlet's name,
systemd has the service's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

SUFFIXES: Mapping[str, str] = {
    "container": "",
    "pod": "-pod",
    "volume": "-volume",
    "network": "-network",
}
"""Each type of quadlet, with what is put at the end of its name to make that of its service."""

TYPES = tuple(SUFFIXES)
TEMPLATE_TYPES = ("container",)
"""Of the others, an instance `data@1.volume` would be `data@1-volume.service`: systemd takes that
for the instance `1-volume` of another template, and Podman takes no @ in a volume's name."""

DIRECTORY = "/run/containers/systemd"
"""Where Podman's generator reads the quadlets of a running system."""


def is_quadlet(name: str) -> bool:
    """Whether a unit's name is that of a quadlet."""
    return name.rpartition(".")[2] in SUFFIXES


def service_of(name: str) -> str:
    """The name by which systemd knows a unit: of a quadlet its service's, of others their own."""
    stem, _, unit_type = name.rpartition(".")
    return f"{stem}{SUFFIXES[unit_type]}.service" if unit_type in SUFFIXES else name


def units_of(service: str) -> Iterator[str]:
    """The units that systemd could know by this name: one that has it, then quadlets."""
    yield service
    stem, _, unit_type = service.rpartition(".")
    if unit_type == "service":
        for of_podman, end in SUFFIXES.items():
            if stem.endswith(end) and stem != end:
                yield f"{stem.removesuffix(end)}.{of_podman}"


def systemd_section(name: str) -> str:
    """The section of a unit's file for what systemd does with its processes: `Service`."""
    return "Service" if is_quadlet(name) else name.rpartition(".")[2].capitalize()


def by_unit(names: Iterable[str], ask: Callable[[list[str]], Mapping[str, T]]) -> dict[str, T]:
    """What `ask` tells of units, by unit; it knows them, and tells of them, as systemd does."""
    services = {name: service_of(name) for name in names}
    told = ask(list(dict.fromkeys(services.values())))
    return {name: told[service] for name, service in services.items() if service in told}
