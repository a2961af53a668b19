import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from standin.docker import build_context
from standin.docker import container_spec as spec
from standin.docker import container_state as state_of
from standin.docker.container import Container
from standin.docker.engine import explain
from standin.docker.image import HOST_PLATFORM, Image, repo_digest, repository_of
from standin.provider import changes
from standin.resource import PluginError
from standin.values import UNKNOWN

INPUTS: dict[str, Any] = {"name": "it", "image": "x"} | dict(Container.defaults)


def test_the_smallest_container() -> None:
    body = spec.create_body(INPUTS)
    assert body["Image"] == "x"
    assert body["HostConfig"]["NetworkMode"] == "bridge"
    assert "Hostname" not in body
    assert "Memory" not in body["HostConfig"]


def test_unconfined_paths_are_translated_as_the_command_line_does() -> None:
    options = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"]
    assert spec.security(options) == {
        "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
        "MaskedPaths": [],
        "ReadonlyPaths": [],
    }
    assert spec.security([]) == {"SecurityOpt": []}


def test_volumes_of_three_kinds() -> None:
    volumes = [
        {"containerPath": "/anonymous"},
        {"containerPath": "/named", "volumeName": "data"},
        {"containerPath": "/host", "hostPath": "/srv", "readOnly": True},
    ]
    assert spec.anonymous_volumes(volumes) == {"/anonymous": {}}
    assert spec.binds(volumes) == ["data:/named:rw", "/srv:/host:ro"]


def test_ports() -> None:
    ports: list[dict[str, Any]] = [
        {"internal": 80, "external": 8080, "ip": "127.0.0.1"},
        {"internal": 80, "external": 8081},
        {"internal": 53, "protocol": "udp"},
    ]
    assert spec.port_bindings(ports) == {
        "80/tcp": [
            {"HostIp": "127.0.0.1", "HostPort": "8080"},
            {"HostIp": "0.0.0.0", "HostPort": "8081"},  # noqa: S104
        ],
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": ""}],  # noqa: S104
    }


def test_the_first_network_is_the_one_to_be_born_in() -> None:
    networks = [{"name": "a", "ipv4Address": "10.0.0.2", "aliases": ["x"]}, {"name": "b"}]
    body = spec.create_body(INPUTS | {"networksAdvanced": networks})
    assert body["HostConfig"]["NetworkMode"] == "a"
    assert body["NetworkingConfig"]["EndpointsConfig"] == {
        "a": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}, "Aliases": ["x"]}
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", 0), ("500ms", 5 * 10**8), ("1m30s", 90 * 10**9), ("1.5s", 15 * 10**8), (None, None)],
)
def test_durations(text: str | None, expected: int | None) -> None:
    assert spec.nanoseconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "5 s", "5s later"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match="1m30s"):
        spec.nanoseconds(text)


def test_uploads_become_one_archive() -> None:
    uploads: list[dict[str, Any]] = [
        {"file": "/etc/key", "content": "ä", "permissions": "0600"},
        {"file": "/run.sh", "content": "", "executable": True},
        {"file": "/bytes", "contentBase64": "AAE="},
    ]
    with tarfile.open(fileobj=io.BytesIO(spec.upload_archive(uploads))) as archive:
        files = {entry.name: entry for entry in archive}
        assert {name: entry.mode for name, entry in files.items()} == {
            "etc/key": 0o600,
            "run.sh": 0o744,
            "bytes": 0o644,
        }
        content = archive.extractfile("bytes")
        assert content is not None
        assert content.read() == b"\x00\x01"


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"uploads": [{"file": "/x"}]}, "uploads[0]"),
        ({"uploads": [{"file": "/x", "content": "a", "contentBase64": "YQ=="}]}, "uploads[0]"),
        (
            {"uploads": [{"file": "/x", "content": "a", "permissions": "rw"}]},
            "uploads[0].permissions",
        ),
        ({"volumes": [{"volumeName": "x"}]}, "volumes[0].containerPath"),
        (
            {"volumes": [{"containerPath": "/x", "volumeName": "a", "hostPath": "/b"}]},
            "volumes[0]",
        ),
        ({"ports": [{"internal": 0}]}, "ports[0].internal"),
        ({"ports": [{"internal": 80, "external": 70000}]}, "ports[0].external"),
        ({"healthcheck": {"tests": ["CMD"], "interval": "often"}}, "healthcheck.interval"),
        ({"restart": "sometimes"}, "restart"),
    ],
)
def test_bad_containers_are_refused(inputs: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in Container().check(inputs)] == [path]


def test_unknown_inputs_are_not_judged() -> None:
    names = ("uploads", "volumes", "ports", "healthcheck", "restart")
    assert Container().check(dict.fromkeys(names, UNKNOWN)) == []


def found(running: bool = True, **host: Any) -> dict[str, Any]:
    """What an engine says of a container that was made of nothing but an image."""
    return {
        "Name": "/it",
        "Image": "sha256:abc",
        "State": {"Running": running, "ExitCode": 7},
        "Config": {"Hostname": "abc", "Image": "x"},
        "HostConfig": {
            "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
            "Memory": 0,
            "MemorySwap": 0,
            "Privileged": False,
            "CapAdd": None,
            "CapDrop": None,
            "SecurityOpt": None,
            "Dns": [],
        }
        | host,
        "NetworkSettings": {"Networks": {}},
    }


def differences(read: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
    return set(changes(Container(), inputs | read, inputs))


def test_what_is_empty_is_read_back_only_where_it_was_given() -> None:
    read = state_of.after_refresh(found(), INPUTS)
    assert "memory" not in read
    assert "securityOpts" not in read
    assert state_of.after_refresh(found(), INPUTS | {"memory": 1})["memory"] == 0
    assert differences(read, INPUTS) == set()


def test_an_image_is_read_back_as_it_was_named() -> None:
    assert state_of.after_refresh(found(), INPUTS)["image"] == "x"
    assert state_of.after_refresh(found(), INPUTS | {"image": "sha256:1"})["image"] == "sha256:abc"


@pytest.mark.parametrize(
    ("host", "given"),
    [
        ({"SecurityOpt": ["a"]}, {"securityOpts": ["a", "systempaths=unconfined"]}),
        ({"CapAdd": ["CAP_NET_ADMIN"]}, {"capabilities": {"adds": ["NET_ADMIN"]}}),
        ({"Dns": ["192.0.2.1"]}, {"dns": ["192.0.2.2"]}),
    ],
)
def test_sets_are_kept_as_given_until_a_refresh(
    host: dict[str, Any], given: dict[str, Any]
) -> None:
    inputs = INPUTS | given
    assert differences(state_of.after_create(found(**host), inputs), inputs) == set()
    assert differences(state_of.after_refresh(found(**host), inputs), inputs) == set(given)


def test_an_empty_set_is_no_set_that_was_given() -> None:
    inputs = INPUTS | {"privileged": True, "securityOpts": list[str]()}
    host: dict[str, Any] = {"Privileged": True, "SecurityOpt": ["label=disable"]}
    assert differences(state_of.after_create(found(**host), inputs), inputs) == {"securityOpts"}
    del inputs["securityOpts"]
    assert differences(state_of.after_refresh(found(**host), inputs), inputs) == set()


def test_the_engines_swap_is_a_difference() -> None:
    inputs = INPUTS | {"memory": 1}
    host: dict[str, Any] = {"Memory": spec.MEBIBYTE, "MemorySwap": 2 * spec.MEBIBYTE}
    assert changes(Container(), inputs | state_of.after_create(found(**host), inputs), inputs) == {
        "memorySwap": "delete"
    }


def test_one_that_does_not_run_is_started_again_where_it_must_run() -> None:
    stopped = found(running=False)
    assert differences(state_of.after_create(stopped, INPUTS), INPUTS) == {"mustRun"}
    may_end = INPUTS | {"mustRun": False}
    assert differences(state_of.after_create(stopped, may_end), may_end) == set()


def test_sets_have_no_order() -> None:
    assert state_of.same("securityOpts", ["a", "b"], ["b", "a"])
    assert state_of.same("capabilities", {"adds": ["A", "B"], "drops": []}, {"adds": ["B", "A"]})
    assert not state_of.same("capabilities", {"adds": ["A"]}, {"drops": ["A"]})


def test_capabilities_are_sent_by_their_full_names() -> None:
    assert spec.full_names(["sys_admin", "CAP_MKNOD", "ALL"]) == [
        "ALL", "CAP_MKNOD", "CAP_SYS_ADMIN"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        "driver failed programming external connectivity on endpoint x: Error starting userland"
        " proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
        "Bind for 0.0.0.0:8080 failed: port is already allocated",
        "failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use",
    ],
)
def test_a_port_in_use_says_which_and_what_to_do(said: str) -> None:
    text = explain("Cannot create", said)
    assert "Port 8080 is in use" in text
    assert "ss -ltnp 'sport = :8080'" in text


def test_other_errors_say_what_to_do_too() -> None:
    assert "docker network ls" in explain("x", "Pool overlaps with other one on this address space")
    assert "docker network inspect" in explain("x", "Address already in use")
    assert explain("x", "no such thing") == "x: no such thing"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "sub").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM x\n")
    (folder / "a").write_text("a")
    (folder / "sub" / "b").write_text("b")
    (folder / ".dockerignore").write_text("# comment\nsub/*\n!sub/keep\n")
    return folder


def test_ignored_files_do_not_count(context: Path) -> None:
    names = build_context.files(context, context / "Dockerfile")
    assert "a" in names
    assert "sub/b" not in names
    before = build_context.digest(context, context / "Dockerfile")
    (context / "sub" / "b").write_text("changed")
    assert build_context.digest(context, context / "Dockerfile") == before
    (context / "sub" / "keep").write_text("x")
    assert build_context.digest(context, context / "Dockerfile") != before


def test_content_name_and_executable_bit_count(context: Path) -> None:
    dockerfile = context / "Dockerfile"
    digests = [build_context.digest(context, dockerfile)]
    (context / "a").write_text("b")
    digests.append(build_context.digest(context, dockerfile))
    (context / "a").chmod(0o755)
    digests.append(build_context.digest(context, dockerfile))
    (context / "a").rename(context / "c")
    digests.append(build_context.digest(context, dockerfile))
    dockerfile.write_text("FROM y\n")
    digests.append(build_context.digest(context, dockerfile))
    assert len(set(digests)) == len(digests)


def test_another_umask_is_the_same_context(context: Path) -> None:
    before = build_context.digest(context, context / "Dockerfile")
    archive, _ = build_context.archive(context, context / "Dockerfile")
    (context / "a").chmod(0o600)
    assert build_context.digest(context, context / "Dockerfile") == before
    assert build_context.archive(context, context / "Dockerfile")[0] == archive


def test_a_dockerfile_outside_is_brought_along(context: Path, tmp_path: Path) -> None:
    other = tmp_path / "Other"
    other.write_text("FROM z\n")
    archive, name = build_context.archive(context, other)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = tar.extractfile(name)
        assert content is not None
        assert content.read() == b"FROM z\n"


def test_the_platform_is_told_where_it_was_not_given() -> None:
    assert HOST_PLATFORM in Image().notice({"build": {"context": "."}})
    assert Image().notice({"build": {"platform": UNKNOWN}}) == ""


def test_only_the_classic_builder(context: Path) -> None:
    build = {"context": str(context), "builderVersion": "BuilderBuildKit"}
    [problem] = Image().check({"build": build})
    assert problem.path == "build.builderVersion"
    assert Image().check({"build": {"context": str(context)}}) == []
    assert Image().check({"build": {"context": UNKNOWN}}) == []
    [missing] = Image().check({"build": {"context": str(context / "sub")}})
    assert "Dockerfile" in missing.reason


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("a", "a"),
        ("a:tag", "a"),
        ("host:5000/a/b", "host:5000/a/b"),
        ("host:5000/a/b:tag", "host:5000/a/b"),
    ],
)
def test_repositories(name: str, repository: str) -> None:
    assert repository_of(name) == repository


def test_the_digest_of_this_push_is_found() -> None:
    digests = ["host:1/a@sha256:1", "host:2/a@sha256:2"]
    assert repo_digest("host:2/a:tag", digests) == "host:2/a@sha256:2"
    with pytest.raises(PluginError):
        repo_digest("host:3/a:tag", digests)
