"""/etc/fleet/fleet.conf: a machine's settings, which the set-up writes and fleetd reads."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from .model.reboot_window import ALLOWED, RebootWindow

PATH = Path("/etc/fleet/fleet.conf")

WORKER_CERT = "worker.crt"
"""The certificate of a machine that keeps none of etcd's data."""

MIN_TTL = 5
"""The shortest lease that makes sense: etcd itself needs seconds to elect a leader."""

_ENDPOINT = re.compile(r"\[?[\w.:-]+\]?:\d{1,5}")


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the file and the field."""


@dataclass(frozen=True)
class Config:
    """A machine's settings."""

    endpoints: tuple[str, ...]
    """etcd's members, "address:port" each."""
    public_ip: str = ""
    """The address that the machine announces."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    agent_ttl: int = 10
    """Seconds of the machine's lease."""
    reconcile_interval: float = 60.0
    """Seconds between full reconciles, a safety net."""
    image_retention_hours: int = 72
    """Images that no container uses are pruned when they are so old."""
    reboot_window: str = ""
    """When machines reboot by themselves whose operating system asks for it (`RebootWindow`);
    empty: never."""
    metrics_address: str = "127.0.0.1:9179"
    """Where fleetd answers /metrics and /healthz, "address:port"; empty: nowhere."""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    """All three for mutual TLS, none for plain text."""

    @property
    def is_worker(self) -> bool:
        """Whether the machine may only report, and so does not lead, by its certificate."""
        return self.cert_file is not None and self.cert_file.name == WORKER_CERT


def read(path: Path = PATH) -> Config:
    """Read and check the file.

    Raises:
        ConfigError: it is missing, no JSON object, or a field is wrong.
    """
    try:
        return parse(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def render(config: Config) -> str:
    """The file's text, as `parse` reads it: JSON."""
    values = {each.name: getattr(config, each.name) for each in fields(Config)}
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, indent=2, default=str) + "\n"


def parse(text: str) -> Config:
    """Read and check the text of a configuration.

    Fields that this version does not know are a newer one's, which the machine may have as well.

    Raises:
        ConfigError: no JSON object, or a field is wrong.
    """
    try:
        raw: Any = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"must be a JSON object, not {type(raw).__name__}")
    given = cast(dict[str, Any], raw)
    if "endpoints" not in given:
        raise ConfigError('"endpoints" is missing: give a list such as ["10.0.0.11:2379"]')
    known = {name: value for name, value in given.items() if name in _CHECKS}
    config = Config(**{name: _CHECKS[name](name, value) for name, value in known.items()})
    files = (config.ca_file, config.cert_file, config.key_file)
    if any(files) and not all(files):
        raise ConfigError('"ca_file", "cert_file" and "key_file" go together: give all or none')
    return config


def _endpoints(name: str, value: Any) -> tuple[str, ...]:
    items = cast(list[Any], value) if isinstance(value, list) else []
    if not items or not all(isinstance(one, str) and _ENDPOINT.fullmatch(one) for one in items):
        raise _wrong(name, value, 'a list of "address:port", such as ["10.0.0.11:2379"]')
    return tuple(cast(list[str], items))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return value


def _address(name: str, value: Any) -> str:
    if value != "" and not (isinstance(value, str) and _ENDPOINT.fullmatch(value)):
        raise _wrong(name, value, '"address:port", such as "127.0.0.1:9179", or empty')
    return value


def _metadata(name: str, value: Any) -> dict[str, str]:
    pairs = cast(dict[str, Any], value) if isinstance(value, dict) else {"": None}
    if not all(key and isinstance(one, str) for key, one in pairs.items()):
        raise _wrong(name, value, 'an object of texts, such as {"role": "web"}')
    return cast(dict[str, str], pairs)


def _ttl(name: str, value: Any) -> int:
    if not isinstance(value, int) or value < MIN_TTL:
        raise _wrong(name, value, f"whole seconds, at least {MIN_TTL}")
    return value


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1:
        raise _wrong(name, value, "seconds, at least 1")
    return float(value)


def _hours(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(name, value, "whole hours, at least 1")
    return value


def _window(name: str, value: Any) -> str:
    try:
        RebootWindow.parse(_text(name, value))
    except ValueError as error:
        raise _wrong(name, value, ALLOWED) from error
    return value


def _file(name: str, value: Any) -> Path:
    if not isinstance(value, str) or not Path(value).is_absolute():
        raise _wrong(name, value, "an absolute path")
    return Path(value)


def _wrong(name: str, value: Any, allowed: str) -> ConfigError:
    return ConfigError(f"{name!r} is {value!r}; it must be {allowed}")


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "endpoints": _endpoints,
    "public_ip": _text,
    "metadata": _metadata,
    "agent_ttl": _ttl,
    "reconcile_interval": _seconds,
    "image_retention_hours": _hours,
    "reboot_window": _window,
    "metrics_address": _address,
    "ca_file": _file,
    "cert_file": _file,
    "key_file": _file,
}
