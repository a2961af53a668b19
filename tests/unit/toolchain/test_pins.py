import re

from fleet_cluster._etcd_release import SHA256, VERSION
from tests.checkout import CHECKOUT
from toolchain.bump.registries import normalized, numbers

TOOLCHAIN = CHECKOUT / "toolchain"


def requirements() -> dict[str, str]:
    text = (TOOLCHAIN / "requirements.txt").read_text()
    return dict(re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)$", text, re.MULTILINE))


def pins() -> dict[str, str]:
    text = (TOOLCHAIN / "pins.env").read_text()
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def checksums(pin: str) -> list[str]:
    """What a pin has a SHA-256 of."""
    return re.findall(r"([\w-]+)=[0-9a-f]{64}\b", pins()[pin])


def test_plugins_are_the_versions_of_their_python_packages() -> None:
    plugins = [entry.split("@") for entry in pins()["PLUGINS"].strip("()").split()]
    assert plugins
    for name, version in plugins:
        assert requirements()[f"pulumi-{name}"] == version


def test_engine_and_go_modules_are_one_version_and_no_older_than_the_sdk() -> None:
    version = pins()["PULUMI_VERSION"]
    assert numbers(requirements()["pulumi"]) <= numbers(version)
    module = (TOOLCHAIN / "go/engine/go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{version}" in module
    assert f"github.com/pulumi/pulumi/sdk/v3 v{version}" in module


def test_language_hosts_confd_and_etcd_are_what_their_go_modules_say() -> None:
    host = (TOOLCHAIN / "go/language-host/go.mod").read_text()
    assert f"github.com/pulumi/pulumi/sdk/v3 v{pins()['LANGUAGE_HOST_VERSION']}" in host
    runtime = (TOOLCHAIN / "go/language-yaml/go.mod").read_text()
    assert f"github.com/pulumi/pulumi-yaml v{pins()['LANGUAGE_YAML_VERSION']}" in runtime
    confd = (TOOLCHAIN / "go/confd/go.mod").read_text()
    assert f"github.com/kelseyhightower/confd v{pins()['CONFD_VERSION']}" in confd


def test_every_requirement_is_pinned_exactly() -> None:
    lines = (TOOLCHAIN / "requirements.txt").read_text().splitlines()
    named = [line for line in lines if line and not line.startswith("#")]
    assert len(named) == len(requirements())
    etcd = (TOOLCHAIN / "go/etcd/go.mod").read_text()
    for module in ("server", "etcdctl", "etcdutl"):
        assert f"go.etcd.io/etcd/{module}/v3 v{pins()['ETCD_VERSION']}" in etcd


def test_what_is_locked_is_what_is_required_and_each_has_a_checksum():
    text = (TOOLCHAIN / "requirements.lock").read_text()
    packages = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text).strip())
    locked: dict[str, set[str]] = {}
    for package in packages:
        name, version = re.match(r"([\w.-]+)==(\S+)", package).groups()  # pyright: ignore
        locked.setdefault(name, set()).add(version)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), name
    for name, version in requirements().items():
        assert locked[normalized(name)] == {version}


def test_of_confd_every_download_has_a_checksum():
    assert checksums("CONFD_SHA256") == ["amd64", "arm64"]


def test_of_the_engine_and_etcd_every_download_has_a_checksum_or_none_is_known_yet():
    computers = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"]
    assert checksums("PULUMI_SHA256") in (computers, [])
    assert checksums("ETCD_SHA256") in (["amd64", "arm64"], [])


def test_of_what_is_built_every_module_has_a_checksum():
    for folder in (TOOLCHAIN / "go").iterdir():
        text, sums = (folder / "go.mod").read_text(), (folder / "go.sum").read_text()
        replaced = set(re.findall(r"(\S+)(?: v\S+)? =>", text))
        modules = re.findall(r"(\S+\.\S+/\S+) (v\S+)", re.sub(r"\S+(?: v\S+)? =>", "", text))
        listed = [
            f"{name} {version}/go.mod h1:" for name, version in modules if name not in replaced
        ]
        assert listed
        assert [one for one in listed if one not in sums] == []


def test_the_library_asks_for_the_etcd_that_the_set_up_gets() -> None:
    assert pins()["ETCD_VERSION"] == VERSION
    pinned = re.findall(r"(\w+)=([0-9a-f]{64})", pins()["ETCD_SHA256"])
    assert dict(pinned) == SHA256
    assert set(SHA256) in (set(), {"amd64", "arm64"})
