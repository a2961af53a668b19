"""`docker.Container`."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import docker.errors
import requests

from ..inputs import Problem, SdkType, Supported
from ..resource import Context, HalfMade, PluginError, Resource, names
from ..values import UNKNOWN, Plain, Unknown, items_of
from . import container_spec as spec
from . import container_state
from .engine import api, errors, or_none

POLL_SECONDS = 0.2
EXIT_SECONDS = 0.3
IN_PLACE = names("""
    destroyGraceSeconds init maxRetryCount memory memorySwap mustRun removeVolumes restart rm start
    tmpfs wait waitTimeout
""")
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
        return container_state.same(name, old[name], new[name])

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Creates, fills and starts the container; one that does not start stays."""
        what = f"Cannot create the container {inputs['name']}"
        with errors(what):
            _require_image(what, inputs["image"])
            created = api().create_container_from_config(spec.create_body(inputs), inputs["name"])
        identity: str = created["Id"]
        try:
            with errors(what):
                _bring_up(identity, inputs)
                found = api().inspect_container(identity)
        except PluginError as error:
            raise HalfMade(str(error), identity, {}) from error
        return identity, container_state.after_create(found, inputs)

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Reads the container back; one that does not run shows as `mustRun` false."""
        with errors(f"Cannot inspect the container {state['name']}"):
            found = or_none(lambda: api().inspect_container(identity))
        return None if found is None else container_state.after_refresh(found, state)

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Changes limits and the restart policy, starts what did not run; reads nothing back."""
        with errors(f"Cannot update the container {inputs['name']}"):
            limits = _changed_limits(state, inputs)
            if limits:
                api().update_container(identity, **limits)
            if inputs["start"] and inputs["mustRun"] and not state.get("mustRun", True):
                api().start(identity)
        return {}

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


def _bring_up(identity: str, inputs: Plain) -> None:
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


def _wait_for_an_exit(identity: str) -> None:
    """Gives one that ends at once the time to do so, so that what is read back is no accident."""
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
    for name, limit in (("memory", "mem_limit"), ("memorySwap", "memswap_limit")):
        if state.get(name) != inputs.get(name) and name in inputs:
            limits[limit] = inputs[name] * spec.MEBIBYTE
    watched = ("restart", "maxRetryCount")
    if any(state.get(name) != inputs.get(name) for name in watched):
        retries = inputs.get("maxRetryCount", 0)
        limits["restart_policy"] = {"Name": inputs["restart"], "MaximumRetryCount": retries}
    return limits


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
