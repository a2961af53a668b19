"""`docker.Container`."""

import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import docker.errors
import requests

from ..inputs import Problem, SdkType, Supported
from ..resource import Context, PluginError, Resource, names
from ..values import UNKNOWN, Plain, Unknown, items_of
from . import container_spec as spec
from .engine import api, errors, or_none

POLL_SECONDS = 0.2
EXIT_SECONDS = 0.3
IN_PLACE = names("""
    destroyGraceSeconds init maxRetryCount memory mustRun removeVolumes restart rm start
    tmpfs wait waitTimeout
""")
UNORDERED = names("envs hosts labels securityOpts uploads volumes")
IMAGE_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
NOT_AN_ID = (
    "image is {!r}, which is no image id. Pulumi's own plugin reads the id back, finds a"
    " difference and replaces the container on every `up`: give `RemoteImage.image_id`, or the"
    " `repo_digest` of an `Image` that is not pushed."
)
RESTARTS = ("no", "on-failure", "always", "unless-stopped")


class Container(Resource):
    """A container: made, filled with its uploads, started; replaced by most changes."""

    token = "docker:index/container:Container"
    sdk = SdkType("pulumi_docker", "Container")
    supported: ClassVar[Supported] = {
        "": IN_PLACE
        | names("""
            capabilities cgroupnsMode command dns domainname entrypoints envs healthcheck
            hostname hosts image labels name networkMode networksAdvanced ports privileged
            readOnly securityOpts shmSize stdinOpen stopSignal stopTimeout sysctls tty uploads
            user volumes workingDir
        """),
        "volumes": names("containerPath hostPath readOnly volumeName"),
        "uploads": names("content contentBase64 executable file permissions"),
        "healthcheck": names("interval retries startPeriod tests timeout"),
    }
    defaults: ClassVar[Mapping[str, Any]] = {
        "mustRun": True, "networkMode": "bridge", "readOnly": False, "removeVolumes": True,
        "restart": "no", "rm": False, "start": True, "stdinOpen": False, "tty": False,
        "wait": False, "waitTimeout": 60,
    }  # fmt: skip
    autonamed = True
    delete_before_replace = True
    computed = names("""
        command entrypoints envs healthcheck hostname init labels securityOpts shmSize
        stopSignal stopTimeout
    """)

    def check(self, inputs: Plain) -> list[Problem]:
        """Checks what the engine would only refuse when the container is half made."""
        return [
            *_check_uploads(inputs.get("uploads")),
            *_check_volumes(inputs.get("volumes")),
            *_check_ports(inputs.get("ports")),
            *_check_health(inputs),
            *_check_choice("restart", inputs.get("restart"), RESTARTS),
        ]

    def replaces(self, name: str) -> bool:
        """Everything but a few settings of its supervision replaces the container."""
        return name not in IN_PLACE

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """Compares what the engine treats as a set without its order."""
        if name in UNORDERED:
            return _sorted(old[name]) == _sorted(new[name])
        return old[name] == new[name]

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Creates, fills and starts the container; leaves nothing behind when that fails."""
        what = f"Cannot create the container {inputs['name']}"
        if not IMAGE_ID.fullmatch(inputs["image"]):
            context.log.warning(NOT_AN_ID.format(inputs["image"]))
        with errors(what):
            _require_image(what, inputs["image"])
            created = api().create_container_from_config(spec.create_body(inputs), inputs["name"])
        identity: str = created["Id"]
        try:
            with errors(what):
                return identity, _bring_up(identity, inputs)
        except BaseException:
            or_none(lambda: api().remove_container(identity, v=True, force=True))
            raise

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Reads the container back; one that does not run shows as `mustRun` false."""
        with errors(f"Cannot inspect the container {state['name']}"):
            found = or_none(lambda: api().inspect_container(identity))
        if found is None:
            return None
        wanted = state.get("start", True) and state.get("mustRun", True)
        stopped = {"mustRun": False} if wanted and not found["State"]["Running"] else {}
        return outputs(found) | read_back(found, state) | stopped

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Changes limits and the restart policy, and starts what was stopped outside."""
        with errors(f"Cannot update the container {inputs['name']}"):
            limits = _changed_limits(state, inputs)
            if limits:
                api().update_container(identity, **limits)
            if inputs["start"] and inputs["mustRun"]:
                api().start(identity)
            return outputs(api().inspect_container(identity))

    def delete(self, context: Context, identity: str, state: Plain) -> None:
        """Stops (if `destroyGraceSeconds` is given) and removes the container."""
        grace: int = state.get("destroyGraceSeconds", 0)
        with errors(f"Cannot remove the container {state['name']}"):
            if grace > 0:
                or_none(lambda: api().stop(identity, timeout=grace))
            volumes = state.get("removeVolumes", True)
            or_none(lambda: api().remove_container(identity, v=volumes, force=True))


def _require_image(what: str, image: str) -> None:
    if or_none(lambda: api().inspect_image(image)) is not None:
        return
    try:
        api().pull(image, tag=None if ":" in image.rpartition("/")[2] else "latest")
    except docker.errors.APIError as error:
        raise PluginError(
            f"{what}: there is no image {image} here, and pulling it failed:"
            f" {error.explanation}. `docker images` shows what is here; build it or name another."
        ) from error


def _bring_up(identity: str, inputs: Plain) -> Plain:
    for network in inputs.get("networksAdvanced", [])[1:]:
        body = {"Container": identity, "EndpointConfig": spec.endpoint(network)}
        url = api()._url("/networks/{0}/connect", network["name"])
        api()._raise_for_status(api()._post_json(url, data=body))
    if inputs.get("uploads"):
        api().put_archive(identity, "/", spec.upload_archive(inputs["uploads"]))
    if inputs["start"]:
        api().start(identity)
    if inputs["wait"]:
        _wait_until_healthy(identity, inputs["name"], inputs["waitTimeout"])
    elif inputs["start"] and inputs["mustRun"]:
        _wait_for_an_exit(identity)
    found = api().inspect_container(identity)
    if inputs["start"] and inputs["mustRun"] and not found["State"]["Running"]:
        raise PluginError(_exited(found, inputs["name"]))
    return outputs(found)


def _exited(found: Any, name: str) -> str:
    logs = api().logs(found["Id"], tail=20).decode(errors="replace")
    status = found["State"]["ExitCode"]
    return f"The container {name} exited at once with status {status}. Its last lines:\n{logs}"


def _wait_for_an_exit(identity: str) -> None:
    """Gives one that fails the time to do so; the plugin, too, looks only after a moment."""
    with suppress(requests.exceptions.ConnectionError, requests.exceptions.ReadTimeout):
        api().wait(identity, timeout=EXIT_SECONDS)


def _wait_until_healthy(identity: str, name: str, seconds: int) -> None:
    """Asks again and again, as the plugin does: the engine's events may have come before."""
    deadline = time.monotonic() + seconds
    while True:
        state: Any = api().inspect_container(identity)["State"]
        check: Any = state.get("Health")
        if check is None:
            raise PluginError(f"The container {name} has `wait` but no health check.")
        if check["Status"] == "healthy":
            return
        if not state["Running"] or time.monotonic() > deadline:
            said = "".join(entry["Output"] for entry in check["Log"][-1:])
            raise PluginError(f"{name} is {check['Status']}, not healthy in {seconds} s: {said}")
        time.sleep(POLL_SECONDS)


def _changed_limits(state: Plain, inputs: Plain) -> Plain:
    limits: Plain = {}
    if state.get("memory") != inputs.get("memory"):
        limits["mem_limit"] = inputs.get("memory", 0) * spec.MEBIBYTE
    watched = ("restart", "maxRetryCount")
    if any(state.get(name) != inputs.get(name) for name in watched):
        retries = inputs.get("maxRetryCount", 0)
        limits["restart_policy"] = {"Name": inputs["restart"], "MaximumRetryCount": retries}
    return limits


def outputs(found: Any) -> Plain:
    """Returns what the engine says of a container, as outputs."""
    state, settings = found["State"], found["NetworkSettings"]
    networks: Plain = settings["Networks"]
    return {
        "name": found["Name"].lstrip("/"),
        "hostname": found["Config"]["Hostname"],
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


def read_back(found: Any, state: Plain) -> Plain:
    """Returns the settings that can be changed outside, where they are managed here."""
    host = found["HostConfig"]
    policy, memory = host["RestartPolicy"], host["Memory"] // spec.MEBIBYTE
    changed: Plain = {"restart": policy["Name"] or "no", "privileged": host["Privileged"]}
    changed |= {"memory": memory, "maxRetryCount": policy["MaximumRetryCount"]}
    return {name: value for name, value in changed.items() if name in state}


def _sorted(items: list[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=repr) for item in items)


def _objects(values: Any) -> list[tuple[int, Plain]]:
    return [(i, v) for i, v in enumerate(items_of(values)) if isinstance(v, dict)]


def _check_uploads(uploads: Any) -> list[Problem]:
    found: list[Problem] = []
    for index, upload in _objects(uploads):
        given = [name for name in ("content", "contentBase64") if name in upload]
        if len(given) != 1:
            reason = f"give content or contentBase64, got {' and '.join(given) or 'neither'}."
            found.append(Problem(f"uploads[{index}]", reason))
        if not _is_octal(upload.get("permissions", "0644")):
            reason = "expected four octal digits such as 0600."
            found.append(Problem(f"uploads[{index}].permissions", reason))
    return found


def _is_octal(mode: Any) -> bool:
    is_text = isinstance(mode, str)
    return not is_text or (len(mode) == 4 and set(mode) <= set("01234567"))


def _check_volumes(volumes: Any) -> list[Problem]:
    found: list[Problem] = []
    for index, volume in _objects(volumes):
        if "containerPath" not in volume:
            found.append(Problem(f"volumes[{index}].containerPath", "it is required here."))
        if "hostPath" in volume and "volumeName" in volume:
            found.append(Problem(f"volumes[{index}]", "give hostPath or volumeName, not both."))
    return found


def _check_ports(ports: Any) -> list[Problem]:
    return [
        Problem(f"ports[{index}].{name}", f"got {port[name]}, expected a port from 1 to 65535.")
        for index, port in _objects(ports)
        for name in ("internal", "external")
        if isinstance(port.get(name), int) and not 1 <= port[name] <= 65535
    ]


def _check_health(inputs: Plain) -> list[Problem]:
    check = inputs.get("healthcheck", UNKNOWN)
    durations: Plain = {} if isinstance(check, Unknown) else check
    found: list[Problem] = []
    for name in ("interval", "timeout", "startPeriod"):
        value = durations.get(name)
        try:
            spec.nanoseconds(value if isinstance(value, str) else None)
        except ValueError as error:
            found.append(Problem(f"healthcheck.{name}", str(error)))
    return found


def _check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> list[Problem]:
    if not isinstance(value, str) or value in allowed:
        return []
    return [Problem(name, f"got {value!r}, expected one of {', '.join(allowed)}.")]
