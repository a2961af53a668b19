"""Services: what systemd would refuse in `[Service]`, but only on the machine."""

from .command_lines import split
from .syntax import Syntax, refuse

YES = ("yes", "y", "true", "t", "on", "1")
"""How systemd spells a boolean that is true."""


def check_service(syntax: Syntax) -> None:
    """Refuse the file of a service that systemd would not load.

    Raises:
        UnitFileError: says which rule of systemd it breaks.
    """
    lines = [section.line for section in syntax.sections if section.name == "Service"]
    if not lines:
        raise refuse(syntax.file, 1, "a service needs a section [Service], with ExecStart=")
    fault = _fault_of_type(syntax) or _fault_without_start(syntax)
    if fault:
        raise refuse(syntax.file, lines[0], fault)


def runs_once(syntax: Syntax) -> bool:
    """Whether the unit is a service that is done when its command has ended."""
    stays = syntax.last("Service", "RemainAfterExit").lower() in YES
    return syntax.last("Service", "Type") == "oneshot" and not stays


def _fault_of_type(syntax: Syntax) -> str:
    service_type = syntax.last("Service", "Type")
    commands = [
        command for start in syntax.values("Service", "ExecStart") for command in split(start.value)
    ]
    if len(commands) > 1 and service_type != "oneshot":
        return (
            f"{len(commands)} commands in ExecStart= are only possible with Type=oneshot:"
            " use ExecStartPre= for what runs before the service"
        )
    restart = syntax.last("Service", "Restart")
    if service_type == "oneshot" and restart in ("always", "on-success"):
        return f"Restart={restart} is not possible with Type=oneshot: use Restart=on-failure"
    if service_type == "dbus" and not syntax.last("Service", "BusName"):
        return "Type=dbus needs a BusName="
    return ""


def _fault_without_start(syntax: Syntax) -> str:
    if syntax.values("Service", "ExecStart"):
        return ""
    has_action = bool(syntax.last("Unit", "SuccessAction"))
    if not has_action and not syntax.values("Service", "ExecStop"):
        return "the service has no ExecStart=, ExecStop=, or SuccessAction=: add an ExecStart="
    if syntax.last("Service", "Type") not in ("", "oneshot"):
        return "a service without ExecStart= is only possible with Type=oneshot"
    if not has_action and syntax.last("Service", "RemainAfterExit").lower() not in YES:
        return "a service without ExecStart= is over at once: add RemainAfterExit=yes"
    return ""
