import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from standin.docker import build_context
from standin.docker import container_spec as spec
from standin.docker.container import Container, read_back
from standin.docker.engine import explain
from standin.docker.image import Image, repo_digest, repository_of
from standin.resource import PluginError
from standin.values import UNKNOWN

INPUTS: dict[str, Any] = {"image": "x"} | dict(Container.defaults)


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


def test_a_seccomp_profile_is_read(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    found = spec.security([f"seccomp={profile}"])["SecurityOpt"]
    assert found == ['seccomp={"defaultAction": "SCMP_ACT_ALLOW"}']


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


def test_only_what_is_managed_is_read_back() -> None:
    host = {
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
        "Memory": 64 * spec.MEBIBYTE,
        "Privileged": False,
    }
    assert read_back({"HostConfig": host}, {"restart": "no"}) == {"restart": "always"}
    assert read_back({"HostConfig": host}, {"memory": 1}) == {"memory": 64}


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
