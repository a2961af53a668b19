"""What the plugin reads back of a container, and what of that it takes for a change. No I/O."""

import json
from typing import Any

from ..values import Plain
from .container_spec import MEBIBYTE

SETS = frozenset({"capabilities", "dns", "hosts", "securityOpts"})
"""Terraform keeps sets as they were given when it makes something; a refresh reads them as well."""


def outputs(found: Any) -> Plain:
    """Returns what the engine says of a container beyond its settings."""
    state, settings = found["State"], found["NetworkSettings"]
    networks: Plain = settings["Networks"]
    return {
        "bridge": settings.get("Bridge", ""),
        "networkDatas": [_network_data(n, s) for n, s in networks.items()],
        "exitCode": None if state["Running"] else state["ExitCode"],
        "containerLogs": None,
    }


def _network_data(name: str, settings: Any) -> Plain:
    return {
        "networkName": name,
        "ipAddress": settings["IPAddress"],
        "ipPrefixLength": settings["IPPrefixLen"],
        "gateway": settings["Gateway"],
        "macAddress": settings["MacAddress"],
        "globalIpv6Address": settings["GlobalIPv6Address"],
        "globalIpv6PrefixLength": settings["GlobalIPv6PrefixLen"],
        "ipv6Gateway": settings["IPv6Gateway"],
    }


def after_create(found: Any, inputs: Plain) -> Plain:
    """Returns the state of a container that was just made."""
    given = {name: inputs[name] for name in SETS if inputs.get(name)}
    return after_refresh(found, inputs) | given


def after_refresh(found: Any, state: Plain) -> Plain:
    """Returns the state of a container that was there; what is empty only where it was known."""
    read = {name: value for name, value in settings(found, state).items() if value or name in state}
    return outputs(found) | read


def settings(found: Any, state: Plain) -> Plain:
    """Returns the inputs that the plugin reads back, as the engine spells them.

    An image that was named by its id is read as an id, one that was named by its tag as a name.
    """
    config, host = found["Config"], found["HostConfig"]
    by_id = state["image"].startswith("sha256:")
    return {
        "name": found["Name"].lstrip("/"),
        "hostname": config["Hostname"],
        "image": found["Image"] if by_id else config["Image"],
        "mustRun": state.get("mustRun", True) and found["State"]["Running"],
        "privileged": host["Privileged"],
        "capabilities": _capabilities(host),
        "securityOpts": host["SecurityOpt"] or [],
        "dns": host["Dns"] or [],
        "restart": host["RestartPolicy"]["Name"] or "no",
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "memory": host["Memory"] // MEBIBYTE,
        "memorySwap": host["MemorySwap"] // MEBIBYTE,
    }


def _capabilities(host: Any) -> Plain:
    read = {"adds": host["CapAdd"], "drops": host["CapDrop"]}
    return {name: capabilities for name, capabilities in read.items() if capabilities}


def same(name: str, old: Any, new: Any) -> bool:
    """Whether a setting is the same, where the engine knows no order."""
    if name == "capabilities":
        return _as_sets(old) == _as_sets(new)
    if name in UNORDERED:
        return _sorted(old) == _sorted(new)
    return old == new


UNORDERED = SETS | {"envs", "labels", "uploads", "volumes"}


def _as_sets(capabilities: Plain) -> dict[str, list[str]]:
    return {name: sorted(values) for name, values in capabilities.items() if values}


def _sorted(items: list[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=repr) for item in items)
