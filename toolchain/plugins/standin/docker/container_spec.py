"""Translates a container's inputs into the body of the engine's create request. No I/O."""

import base64
import io
import re
import tarfile
from typing import Any

from ..values import Plain
from .engine import labels

MEBIBYTE = 1024 * 1024
UNCONFINED_PATHS = "systempaths=unconfined"
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)")
NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def create_body(inputs: Plain) -> Plain:
    """Returns the body of POST /containers/create."""
    ports: list[Plain] = inputs.get("ports", [])
    return _without_none(
        {
            "Image": inputs["image"],
            "Hostname": inputs.get("hostname"),
            "Domainname": inputs.get("domainname"),
            "User": inputs.get("user"),
            "Tty": inputs.get("tty"),
            "OpenStdin": inputs.get("stdinOpen"),
            "Env": inputs.get("envs"),
            "Cmd": inputs.get("command"),
            "Entrypoint": inputs.get("entrypoints"),
            "WorkingDir": inputs.get("workingDir"),
            "StopSignal": inputs.get("stopSignal"),
            "StopTimeout": inputs.get("stopTimeout"),
            "Labels": labels(inputs.get("labels")),
            "ExposedPorts": {_port(p): {} for p in ports},
            "Volumes": anonymous_volumes(inputs.get("volumes", [])),
            "Healthcheck": healthcheck(inputs.get("healthcheck")),
            "HostConfig": host_config(inputs),
            "NetworkingConfig": first_network(inputs.get("networksAdvanced", [])),
        }
    )


def host_config(inputs: Plain) -> Plain:
    """Returns the HostConfig part."""
    capabilities: Plain = inputs.get("capabilities", {})
    networks: list[Plain] = inputs.get("networksAdvanced", [])
    retries = {"MaximumRetryCount": inputs["maxRetryCount"]} if "maxRetryCount" in inputs else {}
    return _without_none(
        {
            "Privileged": inputs.get("privileged"),
            "CapAdd": full_names(capabilities.get("adds", [])),
            "CapDrop": full_names(capabilities.get("drops", [])),
            "CgroupnsMode": inputs.get("cgroupnsMode"),
            "Tmpfs": inputs.get("tmpfs"),
            "Binds": binds(inputs.get("volumes", [])),
            "PortBindings": port_bindings(inputs.get("ports", [])),
            "RestartPolicy": {"Name": inputs.get("restart", "no")} | retries,
            "AutoRemove": inputs.get("rm"),
            "ReadonlyRootfs": inputs.get("readOnly"),
            "Init": inputs.get("init"),
            "ExtraHosts": [f"{host['host']}:{host['ip']}" for host in inputs.get("hosts", [])],
            "Memory": inputs["memory"] * MEBIBYTE if "memory" in inputs else None,
            "MemorySwap": inputs["memorySwap"] * MEBIBYTE if "memorySwap" in inputs else None,
            "ShmSize": inputs["shmSize"] * MEBIBYTE if "shmSize" in inputs else None,
            "Dns": inputs.get("dns"),
            "Sysctls": inputs.get("sysctls"),
            "NetworkMode": networks[0]["name"] if networks else inputs.get("networkMode"),
            **security(inputs.get("securityOpts", [])),
        }
    )


def full_names(capabilities: list[str]) -> list[str]:
    """Returns capabilities as Docker's client for Go sends them: `CAP_SYS_ADMIN`, sorted."""
    names = {name.upper() for name in capabilities}
    return sorted(n if n == "ALL" or n.startswith("CAP_") else f"CAP_{n}" for n in names)


def security(options: list[str]) -> Plain:
    """Returns the security options; `systempaths=unconfined` as the docker command line does it.

    The engine knows no such option: it takes empty lists of masked and read-only paths instead.
    """
    unconfined: Plain = {}
    if UNCONFINED_PATHS in options:
        unconfined = {"MaskedPaths": [], "ReadonlyPaths": []}
    rest = [option for option in options if option != UNCONFINED_PATHS]
    return {"SecurityOpt": rest} | unconfined


def _port(port: Plain) -> str:
    return f"{port['internal']}/{port.get('protocol', 'tcp')}"


def port_bindings(ports: list[Plain]) -> dict[str, list[dict[str, str]]]:
    """Returns the host's side of each port; without `external` the engine chooses one."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        binding = {"HostIp": port.get("ip", "0.0.0.0"), "HostPort": str(port.get("external", ""))}
        bindings.setdefault(_port(port), []).append(binding)
    return bindings


def anonymous_volumes(volumes: list[Plain]) -> dict[str, dict[str, str]]:
    """Returns the volumes that have neither a name nor a path on the host."""
    return {v["containerPath"]: {} for v in volumes if not _source(v)}


def binds(volumes: list[Plain]) -> list[str]:
    """Returns the volumes that have a name or a path on the host, as `source:path:mode`."""
    return [
        f"{_source(v)}:{v['containerPath']}:{'ro' if v.get('readOnly') else 'rw'}"
        for v in volumes
        if _source(v)
    ]


def _source(volume: Plain) -> str | None:
    return volume.get("hostPath") or volume.get("volumeName")


def first_network(networks: list[Plain]) -> Plain | None:
    """Returns the network to be created in; an old engine takes only one there."""
    if not networks:
        return None
    return {"EndpointsConfig": {networks[0]["name"]: endpoint(networks[0])}}


def endpoint(network: Plain) -> Plain:
    """Returns the settings of a container in one network."""
    address = {"IPv4Address": network.get("ipv4Address"), "IPv6Address": network.get("ipv6Address")}
    return _without_none({"IPAMConfig": _without_none(address), "Aliases": network.get("aliases")})


def healthcheck(check: Plain | None) -> Plain | None:
    """Returns the health check with its durations in nanoseconds."""
    if check is None:
        return None
    return _without_none(
        {
            "Test": check["tests"],
            "Interval": nanoseconds(check.get("interval")),
            "Timeout": nanoseconds(check.get("timeout")),
            "StartPeriod": nanoseconds(check.get("startPeriod")),
            "Retries": check.get("retries"),
        }
    )


def nanoseconds(duration: str | None) -> int | None:
    """Returns a duration such as `1m30s`. Raises ValueError with what is allowed."""
    if duration is None:
        return None
    parts = DURATION.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration or not parts:
        raise ValueError(f"got {duration!r}, expected a duration such as 500ms, 5s or 1m30s.")
    return int(sum(float(number) * NANOSECONDS[unit] for number, unit in parts))


def upload_archive(uploads: list[Plain]) -> bytes:
    """Returns a tar of the files to be put into a container before it starts, from its root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for upload in uploads:
            content = upload_content(upload)
            entry = tarfile.TarInfo(upload["file"].lstrip("/"))
            entry.size, entry.mode = len(content), upload_mode(upload)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def upload_content(upload: Plain) -> bytes:
    """Returns the bytes of one upload."""
    if "contentBase64" in upload:
        return base64.b64decode(upload["contentBase64"], validate=True)
    return upload.get("content", "").encode()


def upload_mode(upload: Plain) -> int:
    """Returns the file's mode: `permissions` (octal) first, then 0744 for executables, or 0644."""
    if "permissions" in upload:
        return int(upload["permissions"], 8)
    return 0o744 if upload.get("executable") else 0o644


def _without_none(values: dict[str, Any]) -> Plain:
    return {name: value for name, value in values.items() if value is not None}
