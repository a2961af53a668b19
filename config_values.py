"""Values of settings: each is checked by itself.

All raise `SettingError` where one is not allowed.
"""

import re
from collections.abc import Sequence
from typing import cast

import pulumi


class SettingError(pulumi.RunError):
    """A setting that is not allowed. Pulumi shows the message without a stack trace."""

    def __init__(self, setting: str, given: object, allowed: str, example: object) -> None:
        """State what was wrong, what was given, what is allowed and what to do next."""
        super().__init__(
            f"{setting}: {given!r} is not allowed; allowed: {allowed}. "
            f"Mend it with: pulumi config set {setting} {example}"
        )


def between(config: pulumi.Config, name: str, low: int, high: int) -> int:
    """A whole number between two others, which are allowed too."""
    given = config.require(name)
    if not re.fullmatch(r"-?\d+", given) or not low <= int(given) <= high:
        raise SettingError(name, given, f"a whole number from {low} to {high}", low)
    return int(given)


def one_of(config: pulumi.Config, name: str, allowed: Sequence[str]) -> str:
    """One of a few words."""
    given = config.require(name)
    if given not in allowed:
        raise SettingError(name, given, ", ".join(allowed), allowed[0])
    return given


def boolean(config: pulumi.Config, name: str) -> bool:
    """True or false."""
    return one_of(config, name, ("false", "true")) == "true"


def line(config: pulumi.Config, name: str) -> pulumi.Input[str]:
    """A text; one that was set with `--secret` stays a secret."""
    given = config.require(name)
    secret = pulumi.runtime.is_config_secret(f"{config.name}:{name}")
    if "\n" in given:
        raise SettingError(name, "a secret" if secret else given, "a single line", '"Hello World!"')
    return pulumi.Output.secret(given) if secret else given


def size(config: pulumi.Config, name: str) -> str:
    """A number of bytes, as nginx writes it."""
    given = config.require(name)
    if not re.fullmatch(r"0|[1-9]\d{0,8}[kmg]?", given):
        raise SettingError(name, given, "bytes, also with k, m or g; 0 for any number", "100m")
    return given


def matching(config: pulumi.Config, name: str, pattern: str, example: str) -> str:
    """A text that matches a regular expression."""
    given = config.require(name)
    if not re.fullmatch(pattern, given):
        raise SettingError(name, given, f"something like {example}", example)
    return given


def strings(config: pulumi.Config, name: str) -> list[str]:
    """A list of texts."""
    given: object = cast("object", config.require_object(name))
    entries = cast("list[object]", given)
    if not isinstance(given, list) or not all(isinstance(entry, str) for entry in entries):
        raise SettingError(name, entries, "a list of texts", f"--path '{name}[0]' VALUE")
    return [str(entry) for entry in entries]


def paired(config: pulumi.Config, secret: str, partner: str) -> pulumi.Output[str] | None:
    """A private key that makes sense only with another setting."""
    given = config.get_secret(secret)
    if (given is not None) != bool(config.require(partner)):
        raise SettingError(
            secret,
            "one without the other" if given is None else f"no {partner}",
            f"{secret} and {partner} together, or neither",
            "--secret < FILE",
        )
    return given
