"""Which versions of etcd may be members of one cluster. Pure."""

from collections.abc import Mapping


def minor(version: str) -> tuple[int, int]:
    """Major and minor version of "3.6.16"."""
    first, second, *_ = version.split(".")
    return int(first), int(second)


def objection(version: str, others: Mapping[str, str]) -> str:
    """Why a member of this version cannot be one beside others; empty if it can.

    Args:
        version: its own, "3.6.16".
        others: versions of those that answer, by address.
    """
    for address, other in others.items():
        if minor(other) > minor(version):
            return _refusal(version, address, other) + (
                f"Let the program ask for {_text(other)} again, or go back with a snapshot: "
                '"etcd\'s version" in docs/operations.md'
            )
        if minor(other) not in (minor(version), before(version)):
            return _refusal(version, address, other) + (
                "Let pulumi up bring all members to each minor version in between first: "
                '"etcd\'s version" in docs/operations.md'
            )
    return ""


def before(version: str) -> tuple[int, int]:
    """The minor version before."""
    major, second = minor(version)
    return major, second - 1


def _refusal(version: str, address: str, other: str) -> str:
    return (
        f"etcd {version} cannot be a member beside {address}, which runs {other}: it goes with its "
        f"own minor version or the one before. Nothing was changed. "
    )


def _text(version: str) -> str:
    return ".".join(map(str, minor(version)))
