"""make pins: what is newer is shown and written whole; what is not reached stays, and is said."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT
from toolchain.bump import pins as pins_of
from toolchain.bump.__main__ import main
from toolchain.bump.checkout import COREDNS_RELEASE, ETCD_RELEASE, Checkout
from toolchain.bump.checksums import (
    COMPUTERS,
    COREDNS_RELEASES,
    ETCD_RELEASES,
    PULUMI_RELEASES,
)
from toolchain.bump.pins import CONFD, COREDNS, ETCD, IMAGE_TAGS, PKG, SDK, YAML
from toolchain.bump.registries import NotReachedError, Registries, normalized

PACKAGES = ("debian/dists/sid", "debian/dists/sid-updates", "debian-security/dists/sid-security")
PINS = """\
PULUMI_VERSION=3.1.0
PULUMI_SHA256=()
PYTHON_MINIMUM=3.11
LANGUAGE_YAML_VERSION=1.0.0
CONFD_VERSION=0.16.0
CONFD_SHA256=(amd64=of-0.16.0)
ETCD_VERSION=3.6.9
ETCD_SHA256=()
COREDNS_VERSION=1.14.0
COREDNS_SHA256=()
BASE_IMAGE=debian:sid-20260101-slim
BASE_DIGEST=sha256:old
PACKAGES_DATE=2026-01-02
PLUGINS=(tls@1.0.0 aws@2.0.0)
PLUGINS_SHA256=(tls-linux-amd64=of-1.0.0)
"""
REQUIREMENTS = """\
# A comment
pulumi==3.0.0
pulumi-aws==2.0.0
pulumi-tls==1.0.0
dbus-fast==1.84.0
moto[server]==5.0.0
types-PyYAML==6.0.1
"""
DOCKERFILE = "FROM debian:sid-20260101-slim\nARG PACKAGES_DATE=2026-01-02\nRUN apt-get update\n"
AMD64, ARM64 = "a" * 64, "b" * 64


class Playing(Registries):
    """Registries with what a test says, and nothing else."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.modules: dict[str, list[str]] = {}
        self.packages: dict[str, str] = {}
        self.asked: list[str] = []
        self.broken: set[str] = set()

    def python_packages(self, requirements: Sequence[str]) -> dict[str, str]:
        self.asked = list(requirements)
        if not self.packages:
            raise NotReachedError("pip install: no index")
        return {
            normalized(re.split(r"[\[<=!]", one)[0]): "9" for one in requirements
        } | self.packages

    def python_lock(self, requirements: str, python: str) -> str:
        return f"lock for Python {python} of\n{requirements}"

    def go_versions(self, module: str) -> list[str]:
        if module not in self.modules:
            raise NotReachedError(f"go list {module}: 403 Forbidden")
        return self.modules[module]

    def go_module(
        self, module: str, version: str, programs: Sequence[str], modules: Sequence[str]
    ) -> tuple[str, str]:
        if version in self.broken:
            raise NotReachedError(f"go get {programs[0]}@v{version}: 403 Forbidden")
        return f"{module}{programs[0]} v{version}\n", f"sums of {version}\n"

    def get(self, url: str) -> str:
        if url not in self.pages:
            raise NotReachedError(f"{url}: no route")
        return self.pages[url]

    def publish_images(self, **digests: str) -> None:
        tags = [{"name": name.replace("_", "-"), "digest": one} for name, one in digests.items()]
        self.pages[f"{IMAGE_TAGS}?page_size=100&name=sid-"] = json.dumps({"results": tags})

    def publish_etcd(self, version: str, **sums: str) -> None:
        lines = [f"{sum}  etcd-v{version}-linux-{one}.tar.gz\n" for one, sum in sums.items()]
        self.pages[f"{ETCD_RELEASES}/v{version}/SHA256SUMS"] = "".join(lines)

    def publish_coredns(self, version: str, **sums: str) -> None:
        for processor, sum in sums.items():
            archive = f"coredns_{version}_linux_{processor}.tgz"
            self.pages[f"{COREDNS_RELEASES}/v{version}/{archive}.sha256"] = f"{sum}  {archive}\n"

    def publish_engine(self, version: str) -> None:
        lines = [f"{AMD64}  pulumi-v{version}-{one}.tar.gz\n" for one in COMPUTERS]
        self.pages[f"{PULUMI_RELEASES}/pulumi-{version}-checksums.txt"] = "".join(lines)


@pytest.fixture
def registries() -> Playing:
    return Playing()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with little in it, whose library is the real one where it is changed."""
    files = {
        "toolchain/pins.env": PINS,
        "toolchain/requirements.txt": REQUIREMENTS,
        "toolchain/requirements.lock": "old lock",
        "toolchain/plugins/README.md": "The image `debian:sid-20260101-slim`",
        "images/hello/Dockerfile": DOCKERFILE,
        "components/library/image/Dockerfile": DOCKERFILE,
        "components/fleet_cluster/providers/docker/engine_probe.py": "debian:sid-20260101-slim",
    } | {
        f"toolchain/go/{one}/go.mod": "go\n"
        for one in ("engine", "etcd", "coredns", "confd", "language-yaml")
    }
    for path, text in files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for folder in (tmp_path / "toolchain/go").iterdir():
        (folder / "go.sum").write_text("old sums\n")
    main_go = "toolchain/go/coredns/main.go"
    (tmp_path / "components/fleet_cluster/_releases").mkdir()
    for copied in (ETCD_RELEASE, COREDNS_RELEASE, main_go):
        shutil.copy(CHECKOUT / copied, tmp_path / copied)
    checkout = Checkout(tmp_path)
    for release, version in ((ETCD_RELEASE, "3.6.9"), (COREDNS_RELEASE, "1.14.0")):
        checkout.substitute(release, r'^VERSION = "[^"]*"$', f'VERSION = "{version}"')
        checkout.substitute(
            release, r"^SHA256: dict\[str, str\] = \{.*?\}$", "SHA256: dict[str, str] = {}"
        )
    checkout.write()
    return tmp_path


def tree(root: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in root.rglob("*") if path.is_file()}


def row(printed: str, name: str) -> list[str]:
    """A row's cells."""
    (line,) = [line for line in printed.splitlines() if line.startswith(f"{name} ")]
    return re.split(r"  +", line)


def everything_newer(registries: Playing) -> None:
    registries.modules = {PKG: ["3.1.0", "3.2.0"], SDK: ["3.1.0", "3.2.0"]}
    registries.modules |= {YAML: ["1.0.0", "1.1.0"], ETCD[0]: ["3.6.9", "3.6.10"]}
    registries.packages = {"pulumi": "3.2.0"}
    registries.publish_etcd("3.6.10", amd64=AMD64, arm64=ARM64)
    registries.modules[COREDNS] = ["1.14.0", "1.15.0"]
    registries.publish_coredns("1.15.0", amd64=AMD64, arm64=ARM64)
    registries.publish_engine("3.2.0")
    registries.publish_images(sid_20260202_slim="sha256:new")
    for archive in PACKAGES:
        url = f"https://deb.debian.org/{archive}/Release"
        registries.pages[url] = "Origin: Debian\nDate: Sat, 21 Nov 2026 09:15:44 UTC\n"


def test_what_is_newer_is_shown_with_what_follows_and_written(
    root: Path, registries: Playing, capsys: pytest.CaptureFixture[str]
):
    everything_newer(registries)
    main([], root, registries)
    printed = capsys.readouterr().out
    assert row(printed, "etcd") == [
        "etcd", "3.6.9", "3.6.10", "pulumi up rolls etcd's members, one at a time",
    ]  # fmt: skip
    assert row(printed, "Debian's packages")[1:3] == ["2026-01-02", "2026-11-21"]
    assert "machines are made anew" in row(printed, "base image")[3]
    pins = Checkout(root)
    assert pins.pin("PULUMI_VERSION") == "3.2.0"
    assert pins.pin("LANGUAGE_YAML_VERSION") == "1.1.0"
    assert pins.pin("ETCD_SHA256") == f"(amd64={AMD64} arm64={ARM64})"
    assert pins.pin("BASE_DIGEST") == "sha256:new"
    assert pins.pin("PLUGINS") == "(tls@9 aws@9)"
    assert pins.pin("PLUGINS_SHA256") == "()"
    assert pins.pin("PULUMI_SHA256") == f"({' '.join(f'{one}={AMD64}' for one in COMPUTERS)})"
    lock = pins.read("toolchain/requirements.lock")
    assert lock == f"lock for Python 3.11 of\n{pins.read('toolchain/requirements.txt')}"
    new = "FROM debian:sid-20260202-slim\nARG PACKAGES_DATE=2026-11-21\nRUN apt-get update\n"
    for path in (*pins.dockerfiles(),):
        assert pins.read(path) == new
    assert "sid-20260202-slim" in pins.read("toolchain/plugins/README.md")
    assert pins.read("toolchain/go/etcd/go.mod") == f"go\n{ETCD[0]} v3.6.10\n"
    assert pins.read("toolchain/go/etcd/go.sum") == "sums of 3.6.10\n"
    for file, version in ((ETCD_RELEASE, "3.6.10"), (COREDNS_RELEASE, "1.15.0")):
        release: dict[str, object] = {}
        text = pins.read(file)
        exec(
            "\n".join(re.findall(r"^(?:VERSION|SHA256).*?(?=^\"\"\")", text, re.M | re.S)), release
        )
        assert release["VERSION"] == version
        assert release["SHA256"] == {"amd64": AMD64, "arm64": ARM64}
    assert pins.pin("COREDNS_SHA256") == f"(amd64={AMD64} arm64={ARM64})"
    module = pins.read("toolchain/go/coredns/go.mod")
    assert module == f"go\n{COREDNS}/plugin/bind v1.15.0\n", "by what our program imports"


def test_a_check_changes_nothing(
    root: Path, registries: Playing, capsys: pytest.CaptureFixture[str]
):
    everything_newer(registries)
    before = tree(root)
    main(["--check"], root, registries)
    assert row(capsys.readouterr().out, "etcd")[1:3] == ["3.6.9", "3.6.10"]
    assert tree(root) == before


def test_where_nothing_is_reached_everything_stays_and_is_said(
    root: Path, registries: Playing, capsys: pytest.CaptureFixture[str]
):
    before = tree(root)
    main([], root, registries)
    printed = capsys.readouterr().out
    assert tree(root) == before
    assert "Nothing was written." in printed
    assert "confd 0.16.0: go list github.com/kelseyhightower/confd: 403 Forbidden" in printed
    assert f"etcd's SHA-256 (): {ETCD_RELEASES}/v3.6.9/SHA256SUMS: no route" in printed
    assert "Python packages: pip install: no index" in printed


def test_what_is_reached_is_written_whole_beside_what_is_not(root: Path, registries: Playing):
    everything_newer(registries)
    # One of three archives says when it changed, two do not: the day stays.
    del registries.pages[f"https://deb.debian.org/{PACKAGES[2]}/Release"]
    main([], root, registries)
    pins = Checkout(root)
    assert pins.pin("PACKAGES_DATE") == "2026-01-02"
    assert pins.read("images/hello/Dockerfile") == DOCKERFILE.replace("20260101", "20260202")


def test_etcds_next_minor_version_is_chosen_by_hand(
    root: Path, registries: Playing, capsys: pytest.CaptureFixture[str]
):
    registries.modules = {ETCD[0]: ["3.5.30", "3.6.9", "3.7.3"]}
    main([], root, registries)
    assert Checkout(root).pin("ETCD_VERSION") == "3.6.9"
    printed = capsys.readouterr().out
    assert "etcd 3.6.9: 3.7.3 is there: a next minor version is chosen by hand" in printed


def test_checksums_of_an_etcd_that_cannot_be_asked_for_are_unknown_again(
    root: Path, registries: Playing
):
    registries.publish_etcd("3.6.9", amd64=AMD64, arm64=ARM64)
    main([], root, registries)
    assert Checkout(root).pin("ETCD_SHA256") == f"(amd64={AMD64} arm64={ARM64})"
    registries.modules = {ETCD[0]: ["3.6.9", "3.6.10"]}
    main([], root, registries)
    pins = Checkout(root)
    assert (pins.pin("ETCD_VERSION"), pins.pin("ETCD_SHA256")) == ("3.6.10", "()")
    assert "SHA256: dict[str, str] = {}\n" in pins.read("components/fleet_cluster/_etcd_release.py")


def test_a_release_of_etcd_that_lists_something_else_than_before_is_refused(
    root: Path, registries: Playing, capsys: pytest.CaptureFixture[str]
):
    registries.publish_etcd("3.6.9", amd64=AMD64, arm64=ARM64)
    main([], root, registries)
    before = tree(root)
    registries.publish_etcd("3.6.9", amd64="c" * 64, arm64=ARM64)
    main([], root, registries)
    assert "it lists other checksums than are known of this release" in capsys.readouterr().out
    assert tree(root) == before


def test_checksums_of_another_release_are_forgotten(root: Path, registries: Playing):
    registries.modules = {CONFD: ["0.16.0", "0.17.0"]}
    main([], root, registries)
    pins = Checkout(root)
    assert (pins.pin("CONFD_VERSION"), pins.pin("CONFD_SHA256")) == ("0.17.0", "()")
    assert pins.pin("PLUGINS_SHA256") == "(tls-linux-amd64=of-1.0.0)"


def test_a_release_that_go_does_not_get_is_passed_over(
    root: Path, registries: Playing, capsys: pytest.CaptureFixture[str]
):
    registries.modules = {PKG: ["3.1.0", "3.2.0", "3.3.0"], SDK: ["3.2.0", "3.3.0", "3.4.0"]}
    registries.broken = {"3.3.0"}
    main([], root, registries)
    assert Checkout(root).pin("PULUMI_VERSION") == "3.2.0"
    said = f"Pulumi's engine 3.2.0: not 3.3.0: go get {PKG}/cmd/pulumi@v3.3.0: 403 Forbidden"
    assert said in capsys.readouterr().out


def test_python_packages_fit_the_engine_and_the_machines(
    root: Path, registries: Playing, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pins_of, "PASSED_OVER", {"types-PyYAML": "!=6.0.3"})
    registries.packages = {"pulumi": "3.1.0", "dbus-fast": "1.84.0", "types-pyyaml": "6.0.2"}
    main([], root, registries)
    assert registries.asked == [
        "pulumi<=3.1.0", "pulumi-aws", "pulumi-tls", "dbus-fast==1.84.0", "moto[server]",
        "types-PyYAML!=6.0.3",
    ]  # fmt: skip
    assert Checkout(root).read("toolchain/requirements.txt").splitlines() == [
        "# A comment", "pulumi==3.1.0", "pulumi-aws==9", "pulumi-tls==9", "dbus-fast==1.84.0",
        "moto[server]==9", "types-PyYAML==6.0.2",
    ]  # fmt: skip


def test_no_base_image_of_before_is_taken(root: Path, registries: Playing):
    before = tree(root)
    registries.publish_images(sid_20251212_slim="sha256:older", sid_20270101="sha256:fat", sid="x")
    main([], root, registries)
    assert tree(root) == before


def test_go_is_asked_for_releases_only_and_what_it_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho module v0.9.0 v0.10.0 v0.11.0-rc.1 v0.2.0\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert Registries().go_versions("module") == ["0.2.0", "0.9.0", "0.10.0"]
    go.write_text("#!/bin/sh\necho reading >&2; echo '  410 Gone' >&2; exit 1\n")
    with pytest.raises(NotReachedError, match=r"^go list -m -versions module: 410 Gone$"):
        Registries().go_versions("module")
    go.unlink()
    with pytest.raises(NotReachedError, match=r"^go list -m -versions module: .*No such file"):
        monkeypatch.setenv("PATH", str(tmp_path))
        Registries().go_versions("module")


def test_an_address_is_told_that_has_nothing(tmp_path: Path):
    (tmp_path / "there").write_text("text")
    assert Registries().get((tmp_path / "there").as_uri()) == "text"
    with pytest.raises(NotReachedError, match="file://.*/nothing: "):
        Registries().get((tmp_path / "nothing").as_uri())


def test_the_checkouts_own_files_have_the_form_that_is_changed():
    checkout = Checkout(CHECKOUT)
    base, day = checkout.pin("BASE_IMAGE"), checkout.pin("PACKAGES_DATE")
    checkout.substitute("components/fleet_cluster/_etcd_release.py", r'^VERSION = "[^"]*"$', "")
    checkout.substitute(
        "components/fleet_cluster/_etcd_release.py", r"^SHA256: dict\[str, str\] = \{.*?\}$", ""
    )
    for path in checkout.dockerfiles():
        assert f"FROM {base}" in checkout.read(path)
        assert ("apt-get" in checkout.read(path)) == (
            f"ARG PACKAGES_DATE={day}" in checkout.read(path)
        )
