"""Packages of Debian's that a machine from before fleet used them may lack."""

from importlib.util import find_spec

from ..shell import run

H2 = "python3-h2"
"""What fleetd, fleetctl and the set-up speak to etcd with."""
_INSTALL = "apt-get --option DPkg::Lock::Timeout=60 install --yes --no-install-recommends"


def install(package: str) -> None:
    """Install a package, also where Debian's lists of packages are old.

    Raises:
        StepError: it cannot be had.
    """
    command = f"{_INSTALL} {package}"
    run("sh", "-c", f"{command} || {{ apt-get update && {command}; }}")


def install_libraries() -> None:
    """Have what fleet imports, which the machine's image or cloud-init has brought, as a rule.

    Raises:
        StepError: it cannot be had; nothing else has been changed.
    """
    if find_spec("h2") is None:
        install(H2)
